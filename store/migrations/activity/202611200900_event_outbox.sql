-- Facts, written in the transaction that makes them true. position is given by the one relay when it hands the
-- fact to the bus, in the order of handing over; until then it is NULL.
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  topic TEXT NOT NULL,
  kind TEXT NOT NULL,
  v BIGINT NOT NULL,
  media_time BIGINT NOT NULL,
  at BIGINT NOT NULL,
  data TEXT NOT NULL,
  position BIGINT
);
CREATE UNIQUE INDEX outbox_position ON outbox (position);
CREATE INDEX outbox_waiting ON outbox (id) WHERE position IS NULL;
CREATE INDEX outbox_topic ON outbox (topic, position);
