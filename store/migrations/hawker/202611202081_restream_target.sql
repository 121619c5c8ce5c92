-- Where a channel's broadcasts are pushed to. sealed holds the address and the key under secret_key.
CREATE TABLE restream_target (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  shop TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  sealed TEXT NOT NULL,
  enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
  created_at BIGINT NOT NULL
);
CREATE INDEX restream_target_channel ON restream_target (channel, id);
