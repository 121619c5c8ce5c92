-- Products and their variants. search is folded text. Archived rows stay: orders and replays name them.
CREATE TABLE product (
  id TEXT PRIMARY KEY,
  shop_id TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('goods', 'service')),
  picture TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'archived')),
  currency TEXT NOT NULL,
  price BIGINT NOT NULL CHECK (price >= 0),
  compare_at BIGINT NOT NULL CHECK (compare_at >= 0),
  search TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX product_shop ON product (shop_id, id);
CREATE TABLE variant (
  id TEXT PRIMARY KEY,
  product_id TEXT NOT NULL REFERENCES product (id),
  shop_id TEXT NOT NULL,
  title TEXT NOT NULL,
  sku TEXT NOT NULL,
  options TEXT NOT NULL,
  price BIGINT NOT NULL CHECK (price >= 0),
  compare_at BIGINT NOT NULL CHECK (compare_at >= 0),
  per_buyer BIGINT NOT NULL CHECK (per_buyer >= 0),
  state TEXT NOT NULL CHECK (state IN ('active', 'archived')),
  position BIGINT NOT NULL
);
CREATE UNIQUE INDEX variant_product ON variant (product_id, position);
-- Stock is two numbers and the head of the variant's ledger, written together under the row's lock.
CREATE TABLE stock (
  variant_id TEXT PRIMARY KEY REFERENCES variant (id),
  on_hand BIGINT NOT NULL,
  reserved BIGINT NOT NULL,
  number BIGINT NOT NULL,
  hash TEXT NOT NULL,
  CHECK (0 <= reserved AND reserved <= on_hand)
);
-- Append-only: one entry per variant and batch, chained by hash.
CREATE TABLE ledger (
  variant_id TEXT NOT NULL REFERENCES stock (variant_id),
  number BIGINT NOT NULL,
  held BIGINT NOT NULL,
  sold BIGINT NOT NULL,
  released BIGINT NOT NULL,
  adjusted BIGINT NOT NULL,
  on_hand BIGINT NOT NULL,
  reserved BIGINT NOT NULL,
  reason TEXT NOT NULL,
  by_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (variant_id, number),
  CHECK (0 <= reserved AND reserved <= on_hand)
);
CREATE TABLE picture (
  id TEXT PRIMARY KEY,
  shop_id TEXT NOT NULL,
  content_type TEXT NOT NULL,
  width BIGINT NOT NULL,
  height BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
