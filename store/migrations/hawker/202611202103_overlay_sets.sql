-- One row per channel that ever kept a set. Who adds one locks it, so that the limit holds.
CREATE TABLE overlay_sets (
  channel TEXT PRIMARY KEY,
  made BIGINT NOT NULL
);
-- A saved list of products: at most a hundred ids, as a JSON list in their order.
CREATE TABLE overlay_set (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL REFERENCES overlay_sets (channel),
  name TEXT NOT NULL,
  products TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE INDEX overlay_set_channel ON overlay_set (channel, name, id);
-- A set that is pinned lies in one pin, as it was then: product holds the set's id, these its name and its products.
ALTER TABLE overlay_pin ADD COLUMN set_name TEXT NOT NULL DEFAULT '';
ALTER TABLE overlay_pin ADD COLUMN set_products TEXT NOT NULL DEFAULT '';
