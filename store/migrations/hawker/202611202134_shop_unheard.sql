-- Orders that ended, by the end of their hold or by a cancellation, before their provider had said what became of the
-- charge. The provider is asked until it says; then the row goes. next_at is when it is asked, or asked again.
CREATE TABLE unheard (
  order_id TEXT PRIMARY KEY REFERENCES orders (id),
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL
);
CREATE INDEX unheard_due ON unheard (next_at, order_id);
