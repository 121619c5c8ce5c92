-- The relay's one row: who relays, its heartbeat, and up to which position the bus has surely received everything.
CREATE TABLE outbox_relay (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  holder TEXT NOT NULL,
  beat BIGINT NOT NULL,
  published BIGINT NOT NULL
);
INSERT INTO outbox_relay (id, holder, beat, published) VALUES (1, '', 0, 0);
