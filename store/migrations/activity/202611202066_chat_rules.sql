-- A channel's chat settings, as versioned JSON that SQL never looks into.
CREATE TABLE chat_settings (
  channel TEXT PRIMARY KEY,
  settings TEXT NOT NULL,
  version BIGINT NOT NULL
);

CREATE TABLE chat_word (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  text TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('block', 'hold', 'allow')),
  UNIQUE (channel, text)
);

-- A broadcast's own: whether its chat is off, the comment on top, the announcement.
CREATE TABLE chat_room (
  broadcast TEXT PRIMARY KEY,
  off BIGINT NOT NULL CHECK (off IN (0, 1)),
  pinned TEXT NOT NULL,
  announcement TEXT NOT NULL,
  version BIGINT NOT NULL
);

-- Who may not speak (mute) or not come in (ban): an account, or the keyed hash of an address. until_at 0: for good.
CREATE TABLE chat_silence (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  subject TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('mute', 'ban')),
  until_at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  at BIGINT NOT NULL,
  UNIQUE (channel, subject)
);
CREATE INDEX chat_silence_end ON chat_silence (until_at);

-- Who did what, and why. Rows are added and never changed.
CREATE TABLE chat_audit (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  broadcast TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  message TEXT NOT NULL,
  reason TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX chat_audit_channel ON chat_audit (channel, id);

CREATE TABLE likes (
  broadcast TEXT PRIMARY KEY,
  count BIGINT NOT NULL CHECK (count >= 0)
);
