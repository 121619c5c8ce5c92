-- What a variant has cost, and since when: the lowest price of the last thirty days is shown with each deal.
CREATE TABLE variant_price (
  variant_id TEXT NOT NULL REFERENCES variant (id),
  number BIGINT NOT NULL,
  from_at BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (variant_id, number)
);
INSERT INTO variant_price (variant_id, number, from_at, amount)
  SELECT v.id, 1, p.created_at, v.price FROM variant v JOIN product p ON p.id = v.product_id;
CREATE INDEX deal_product ON deal (product_id, id);
