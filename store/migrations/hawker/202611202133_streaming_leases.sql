-- Which node answers for a broadcast that is on air, and until when unless it says so again (Unix milliseconds).
CREATE TABLE broadcast_lease (
  broadcast_id TEXT PRIMARY KEY REFERENCES broadcast (id),
  node TEXT NOT NULL,
  until_at BIGINT NOT NULL
);
CREATE INDEX broadcast_lease_node ON broadcast_lease (node);
