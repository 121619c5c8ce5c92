-- A deal is one row: what SQL filters, counts or guards is a column, the rest stands in body as versioned JSON. taken is
-- what open and sold orders have of it; number rises with it. next_at is when something of it is due; NULL: nothing is.
CREATE TABLE deal (
  id TEXT PRIMARY KEY,
  shop_id TEXT NOT NULL,
  broadcast_id TEXT NOT NULL,
  product_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('prepared', 'scheduled', 'announced', 'open', 'ended', 'cancelled')),
  quantity BIGINT NOT NULL CHECK (quantity > 0),
  taken BIGINT NOT NULL DEFAULT 0,
  number BIGINT NOT NULL DEFAULT 0,
  version BIGINT NOT NULL,
  next_at BIGINT,
  body TEXT NOT NULL,
  CHECK (0 <= taken AND taken <= quantity)
);
CREATE INDEX deal_broadcast ON deal (broadcast_id, id);
CREATE INDEX deal_due ON deal (next_at, id) WHERE next_at IS NOT NULL;
CREATE UNIQUE INDEX deal_running ON deal (broadcast_id, product_id) WHERE state IN ('announced', 'open');
-- Claims of a fair deal wait here for the draw, in the order of draw_key. A won claim's orders have its id.
CREATE TABLE deal_claim (
  id TEXT PRIMARY KEY,
  deal_id TEXT NOT NULL REFERENCES deal (id),
  key_hash TEXT NOT NULL UNIQUE,
  shop_id TEXT NOT NULL,
  buyer_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('claimed', 'won', 'not_drawn')),
  draw_key TEXT NOT NULL,
  body TEXT NOT NULL,
  placed_at BIGINT NOT NULL,
  UNIQUE (deal_id, buyer_id)
);
CREATE INDEX deal_claim_draw ON deal_claim (deal_id, draw_key);
