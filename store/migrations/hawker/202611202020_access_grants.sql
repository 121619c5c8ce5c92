-- Whom a broadcast is for.
ALTER TABLE broadcast ADD COLUMN access TEXT NOT NULL DEFAULT 'public' CHECK (access IN ('public','followers','token'));
-- Who follows whom.
CREATE TABLE follow (
  account TEXT NOT NULL,
  channel TEXT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (account, channel)
);
CREATE INDEX follow_channel ON follow (channel);
-- A viewing token lets whoever has it watch one broadcast. digest is its SHA-256, in hex.
CREATE TABLE viewing_token (
  id TEXT PRIMARY KEY,
  broadcast TEXT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  sessions_max BIGINT NOT NULL CHECK (sessions_max >= 0)
);
CREATE INDEX viewing_token_broadcast ON viewing_token (broadcast, id);
CREATE INDEX viewing_token_expires ON viewing_token (expires_at);
-- What was granted to a subject until at is void. Kept for as long as such a grant could last.
CREATE TABLE access_revocation (
  subject TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  until BIGINT NOT NULL
);
CREATE INDEX access_revocation_until ON access_revocation (until);
