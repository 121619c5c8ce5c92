-- Buyers' saved ways to pay: the provider's opaque token, never card data.
CREATE TABLE instrument (
  id TEXT PRIMARY KEY,
  buyer_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  token TEXT NOT NULL,
  brand TEXT NOT NULL,
  last4 TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX instrument_buyer ON instrument (buyer_id, id);
-- The sandbox provider's own books: charges that were not decided at once, and their webhooks.
CREATE TABLE sandbox_payment (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL,
  amount BIGINT NOT NULL,
  currency TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'declined')),
  return_url TEXT NOT NULL,
  pay_at BIGINT NOT NULL,
  tell_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX sandbox_payment_tell ON sandbox_payment (tell_at, id) WHERE tell_at > 0;
