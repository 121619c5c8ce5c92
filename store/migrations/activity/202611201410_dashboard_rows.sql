-- Rows made from facts; deleting them and folding again gives the same ones. Times are Unix milliseconds, 0 where
-- it has not happened; media times are microseconds; amounts are minor units of the broadcast's currency.
CREATE TABLE dashboard_cursor (
  source TEXT PRIMARY KEY,
  position BIGINT NOT NULL
);
-- No source: the row that folds lock, because all of them change the same rows below.
INSERT INTO dashboard_cursor (source, position) VALUES ('', 0);
CREATE TABLE dashboard_broadcast (
  broadcast TEXT PRIMARY KEY,
  currency TEXT NOT NULL,
  gmv BIGINT NOT NULL, refunds BIGINT NOT NULL, orders BIGINT NOT NULL, units BIGINT NOT NULL, buyers BIGINT NOT NULL,
  placed BIGINT NOT NULL, declined BIGINT NOT NULL, expired BIGINT NOT NULL, cancelled BIGINT NOT NULL, foreign_orders BIGINT NOT NULL,
  views BIGINT NOT NULL, viewers BIGINT NOT NULL, peak BIGINT NOT NULL, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL,
  started_at BIGINT NOT NULL, ended_at BIGINT NOT NULL,
  anchors TEXT NOT NULL
);
CREATE TABLE dashboard_minute (
  broadcast TEXT NOT NULL,
  minute BIGINT NOT NULL,
  gmv BIGINT NOT NULL, refunds BIGINT NOT NULL, orders BIGINT NOT NULL, units BIGINT NOT NULL, viewers BIGINT NOT NULL,
  PRIMARY KEY (broadcast, minute)
);
CREATE TABLE dashboard_product (
  broadcast TEXT NOT NULL,
  product TEXT NOT NULL,
  offered_at BIGINT NOT NULL,
  impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, orders BIGINT NOT NULL, units BIGINT NOT NULL, gmv BIGINT NOT NULL, refunds BIGINT NOT NULL,
  PRIMARY KEY (broadcast, product)
);
CREATE TABLE dashboard_pin (
  id TEXT PRIMARY KEY,
  broadcast TEXT NOT NULL,
  product TEXT NOT NULL,
  from_media BIGINT NOT NULL, until_media BIGINT NOT NULL, placed_at BIGINT NOT NULL, removed_at BIGINT NOT NULL,
  impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, units BIGINT NOT NULL, gmv BIGINT NOT NULL, refunds BIGINT NOT NULL, late_gmv BIGINT NOT NULL
);
CREATE INDEX dashboard_pin_broadcast ON dashboard_pin (broadcast, placed_at, id);
-- What the fold must remember of an order: its lines, as JSON, carry what they are credited to.
CREATE TABLE dashboard_order (
  id TEXT PRIMARY KEY,
  broadcast TEXT NOT NULL,
  session TEXT NOT NULL, buyer TEXT NOT NULL, state TEXT NOT NULL, currency TEXT NOT NULL,
  total BIGINT NOT NULL, placed_at BIGINT NOT NULL, paid_at BIGINT NOT NULL, at BIGINT NOT NULL,
  pin TEXT NOT NULL, media_time BIGINT NOT NULL, evidence BIGINT NOT NULL,
  lines TEXT NOT NULL
);
CREATE INDEX dashboard_order_latest ON dashboard_order (broadcast, placed_at, id);
CREATE INDEX dashboard_order_session ON dashboard_order (session);
CREATE INDEX dashboard_order_evidence ON dashboard_order (broadcast, evidence);
CREATE TABLE dashboard_click (
  id TEXT PRIMARY KEY,
  broadcast TEXT NOT NULL, session TEXT NOT NULL, product TEXT NOT NULL, pin TEXT NOT NULL,
  media_time BIGINT NOT NULL, at BIGINT NOT NULL
);
CREATE INDEX dashboard_click_session ON dashboard_click (session);
-- Buyers and viewers that were counted. A viewer's id here is good for one broadcast only.
CREATE TABLE dashboard_member (
  broadcast TEXT NOT NULL,
  sort TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (broadcast, sort, id)
);
