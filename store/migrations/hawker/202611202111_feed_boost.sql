-- Places in the feed that were paid for or given. Rows stay: they say who made and who ended what.
CREATE TABLE feed_boost (
  id TEXT PRIMARY KEY,
  shop TEXT NOT NULL,
  item TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('paid', 'editorial')),
  from_at BIGINT NOT NULL,
  until_at BIGINT NOT NULL CHECK (until_at > from_at),
  made_by TEXT NOT NULL, -- account
  made_at BIGINT NOT NULL,
  ended_by TEXT NOT NULL,
  ended_at BIGINT NOT NULL -- 0: not before its time
);
CREATE INDEX feed_boost_shop ON feed_boost (shop, id);
CREATE INDEX feed_boost_running ON feed_boost (ended_at, until_at, id);
