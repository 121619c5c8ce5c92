-- A stream key that is not revoked opens its channel to an encoder. digest is its SHA-256, in hex.
CREATE TABLE stream_key (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL REFERENCES channel (id),
  created_at BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE INDEX stream_key_channel ON stream_key (channel) WHERE revoked_at IS NULL;
-- Keys that the installation signs with, sealed by secret_key.
CREATE TABLE signing_key (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  sealed TEXT NOT NULL,
  not_before BIGINT NOT NULL,
  not_after BIGINT NOT NULL
);
-- Requests with an idempotency key: fingerprints, and the sealed answer once there is one. Kept for two days.
CREATE TABLE replay (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  request TEXT NOT NULL,
  answer TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX replay_account ON replay (account);
CREATE INDEX replay_expires ON replay (expires_at);
