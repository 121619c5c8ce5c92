-- Broadcasts of which smaller pictures are made.
CREATE TABLE broadcast_ladder (
  broadcast_id TEXT PRIMARY KEY REFERENCES broadcast (id)
);
