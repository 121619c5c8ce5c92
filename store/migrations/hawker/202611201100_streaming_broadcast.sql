CREATE TABLE broadcast (
  id TEXT PRIMARY KEY,
  channel_id TEXT NOT NULL,
  shop_id TEXT NOT NULL,
  title TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft','scheduled','rehearsal','live','interrupted','ended')),
  created_at BIGINT NOT NULL,
  starts_at BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  interrupted_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  length BIGINT NOT NULL
);
CREATE INDEX broadcast_channel ON broadcast (channel_id, id);
CREATE INDEX broadcast_shop ON broadcast (shop_id, id);
CREATE INDEX broadcast_state ON broadcast (state, id);
-- A channel is on air with one broadcast at a time.
CREATE UNIQUE INDEX broadcast_on_air ON broadcast (channel_id) WHERE state IN ('live','interrupted');
CREATE TABLE broadcast_anchor (
  broadcast_id TEXT NOT NULL REFERENCES broadcast (id),
  generation BIGINT NOT NULL,
  media_time BIGINT NOT NULL,
  wall BIGINT NOT NULL, -- Unix microseconds: a millisecond would move the frame
  PRIMARY KEY (broadcast_id, generation)
);
