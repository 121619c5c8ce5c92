-- What was said. Ids only; the words and names of persons stand in chat_text.
CREATE TABLE chat_message (
  id TEXT PRIMARY KEY,
  broadcast TEXT NOT NULL,
  channel TEXT NOT NULL,
  account TEXT NOT NULL,
  role TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('shown', 'held', 'refused', 'deleted')),
  why TEXT NOT NULL,
  media_time BIGINT NOT NULL,
  at BIGINT NOT NULL,
  reply TEXT NOT NULL,
  ref TEXT NOT NULL,
  reports BIGINT NOT NULL,
  flagged BIGINT NOT NULL CHECK (flagged IN (0, 1)),
  UNIQUE (broadcast, account, ref)
);
CREATE INDEX chat_message_history ON chat_message (broadcast, state, id);
CREATE INDEX chat_message_frames ON chat_message (broadcast, state, media_time, id);
CREATE INDEX chat_message_author ON chat_message (channel, account, state);
CREATE INDEX chat_message_person ON chat_message (account, id);
CREATE INDEX chat_message_age ON chat_message (at, id);

-- What a person typed, the name under which they did, and a keyed hash of where from. Deleted with the person, and with age.
CREATE TABLE chat_text (
  message TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  address TEXT NOT NULL
);

-- Slow mode: when somebody last said something in a channel's chat.
CREATE TABLE chat_pace (
  channel TEXT NOT NULL,
  account TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (channel, account)
);
CREATE INDEX chat_pace_age ON chat_pace (at);

CREATE TABLE chat_report (
  message TEXT NOT NULL,
  reporter TEXT NOT NULL,
  reason TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (message, reporter)
);
