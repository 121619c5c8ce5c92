-- One player's stay in one broadcast. consent_at is 0 without consent; times are 0 where it never happened.
CREATE TABLE view_session (
  id TEXT PRIMARY KEY,
  broadcast TEXT NOT NULL,
  visitor TEXT NOT NULL,
  consent_at BIGINT NOT NULL,
  transport TEXT NOT NULL,
  language TEXT NOT NULL,
  source TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  viewed_at BIGINT NOT NULL,
  watched_ms BIGINT NOT NULL
);
CREATE INDEX view_session_visitor ON view_session (broadcast, visitor, started_at);
CREATE INDEX view_session_age ON view_session (started_at, id);
