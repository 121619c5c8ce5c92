-- One row per broadcast whose overlay was ever changed. Writers lock it: versions rise one by one.
CREATE TABLE overlay_room (
  broadcast TEXT PRIMARY KEY,
  version BIGINT NOT NULL
);
-- A pin lies on the frames from_media <= t < until_media; NULL while it is pinned. number is the room's version that placed it.
CREATE TABLE overlay_pin (
  id TEXT PRIMARY KEY,
  broadcast TEXT NOT NULL REFERENCES overlay_room (broadcast),
  number BIGINT NOT NULL,
  product TEXT NOT NULL,
  from_media BIGINT NOT NULL CHECK (from_media >= 0),
  until_media BIGINT CHECK (until_media >= from_media),
  placed_by TEXT NOT NULL,
  placed_at BIGINT NOT NULL,
  removed_by TEXT NOT NULL,
  removed_at BIGINT NOT NULL,
  UNIQUE (broadcast, number)
);
CREATE UNIQUE INDEX overlay_pin_open ON overlay_pin (broadcast, product) WHERE until_media IS NULL;
CREATE INDEX overlay_pin_product ON overlay_pin (broadcast, product, number);
-- Each change of a bag, whole: at most a hundred ids, as a JSON list. The one with the highest number is the bag.
CREATE TABLE overlay_bag (
  broadcast TEXT NOT NULL REFERENCES overlay_room (broadcast),
  number BIGINT NOT NULL,
  products TEXT NOT NULL,
  from_media BIGINT NOT NULL,
  set_by TEXT NOT NULL,
  set_at BIGINT NOT NULL,
  PRIMARY KEY (broadcast, number)
);
