CREATE TABLE shop (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  currency TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  locale TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE TABLE channel (
  id TEXT PRIMARY KEY,
  shop TEXT NOT NULL REFERENCES shop (id),
  handle TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX channel_shop ON channel (shop, id);
-- channel is empty for a role at the shop itself.
CREATE TABLE membership (
  account TEXT NOT NULL REFERENCES account (id),
  shop TEXT NOT NULL REFERENCES shop (id),
  channel TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('owner', 'seller', 'finance', 'creator', 'moderator')),
  PRIMARY KEY (account, shop, channel)
);
CREATE INDEX membership_place ON membership (shop, channel, account);
