-- What a channel fetches: cameras and partners. sealed holds the address under secret_key; a node keeps a wanted source
-- until lease_until.
CREATE TABLE pull_source (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  shop TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  sealed TEXT NOT NULL,
  wanted BIGINT NOT NULL CHECK (wanted IN (0, 1)),
  state TEXT NOT NULL CHECK (state IN ('stopped','connecting','live','waiting','error')),
  reason TEXT NOT NULL,
  broadcast TEXT NOT NULL,
  node TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE INDEX pull_source_channel ON pull_source (channel, id);
CREATE INDEX pull_source_wanted ON pull_source (id) WHERE wanted = 1;
