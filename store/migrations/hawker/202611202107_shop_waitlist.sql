-- Who meets "sold out" may wait. A variant's list is in the order of number; an open offer has one of the units that
-- its stock row counts as reserved. The three counters of the stock row are changed under its lock: who waits, open
-- offers, and the newest number.
CREATE TABLE waitlist (
  variant_id TEXT NOT NULL REFERENCES stock (variant_id),
  buyer_id TEXT NOT NULL,
  shop_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'offered', 'taken', 'passed', 'left')),
  until_at BIGINT NOT NULL,
  joined_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (variant_id, buyer_id),
  UNIQUE (variant_id, number)
);
CREATE INDEX waitlist_line ON waitlist (variant_id, state, number);
CREATE INDEX waitlist_due ON waitlist (until_at, variant_id) WHERE state = 'offered';
CREATE INDEX waitlist_buyer ON waitlist (buyer_id, joined_at);
ALTER TABLE stock ADD COLUMN waiting BIGINT NOT NULL DEFAULT 0 CHECK (waiting >= 0);
ALTER TABLE stock ADD COLUMN offered BIGINT NOT NULL DEFAULT 0 CHECK (offered >= 0);
ALTER TABLE stock ADD COLUMN waited BIGINT NOT NULL DEFAULT 0;
CREATE INDEX stock_waiting ON stock (variant_id) WHERE waiting > 0;
