-- A drop has an opening time (Unix milliseconds) before which nobody can buy it; 0: it is open.
ALTER TABLE variant ADD COLUMN opens_at BIGINT NOT NULL DEFAULT 0;
