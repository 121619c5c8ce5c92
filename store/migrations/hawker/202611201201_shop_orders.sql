-- An order is one row: what was bought stands in body as versioned JSON and never changes. What SQL filters or sums
-- is a column; variant and quantity where there is one line. key_hash is NULL once the idempotency key is forgotten.
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  key_hash TEXT UNIQUE,
  shop_id TEXT NOT NULL,
  buyer_id TEXT NOT NULL,
  broadcast_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('held', 'requires_action', 'paid', 'declined', 'expired', 'cancelled', 'partially_refunded', 'refunded')),
  currency TEXT NOT NULL,
  total BIGINT NOT NULL CHECK (total >= 0),
  paid BIGINT NOT NULL DEFAULT 0 CHECK (paid >= 0),
  refunded BIGINT NOT NULL DEFAULT 0 CHECK (refunded >= 0),
  variant_id TEXT NOT NULL,
  quantity BIGINT NOT NULL,
  body TEXT NOT NULL,
  action_url TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  placed_at BIGINT NOT NULL,
  hold_until BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  CHECK (refunded <= paid)
);
CREATE INDEX orders_buyer ON orders (buyer_id, id);
CREATE INDEX orders_shop ON orders (shop_id, id);
CREATE INDEX orders_broadcast ON orders (broadcast_id, id) WHERE broadcast_id <> '';
CREATE INDEX orders_open ON orders (hold_until, id) WHERE state IN ('held', 'requires_action');
-- Where a purchase is sent to. Personal: it stands here and nowhere else, and goes when the person goes.
CREATE TABLE purchase_contact (
  purchase_id TEXT PRIMARY KEY,
  buyer_id TEXT NOT NULL,
  contact TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX purchase_contact_buyer ON purchase_contact (buyer_id, purchase_id);
-- What one buyer has of what is limited per buyer.
CREATE TABLE buyer_limit (
  limit_id TEXT NOT NULL,
  buyer_id TEXT NOT NULL,
  quantity BIGINT NOT NULL CHECK (quantity >= 0),
  PRIMARY KEY (limit_id, buyer_id)
);
CREATE TABLE payment (
  order_id TEXT NOT NULL REFERENCES orders (id),
  provider TEXT NOT NULL,
  ref TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('paid', 'declined')),
  amount BIGINT NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (order_id, provider, ref, state)
);
CREATE TABLE refund (
  id TEXT PRIMARY KEY,
  key_hash TEXT UNIQUE,
  fingerprint TEXT NOT NULL,
  order_id TEXT NOT NULL REFERENCES orders (id),
  shop_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  payment_ref TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  reason TEXT NOT NULL,
  by_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('due', 'done', 'failed')),
  created_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL
);
CREATE INDEX refund_order ON refund (order_id, id);
CREATE INDEX refund_due ON refund (next_at, id) WHERE state = 'due';
CREATE TABLE refund_line (
  order_id TEXT NOT NULL REFERENCES orders (id),
  line BIGINT NOT NULL,
  refund_id TEXT NOT NULL REFERENCES refund (id),
  quantity BIGINT NOT NULL CHECK (quantity >= 0),
  amount BIGINT NOT NULL CHECK (amount >= 0),
  restock BIGINT NOT NULL,
  PRIMARY KEY (order_id, line, refund_id)
);
