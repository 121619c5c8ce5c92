ALTER TABLE signing_key ADD COLUMN revoked_at BIGINT NOT NULL DEFAULT 0; -- what it signed is not believed any more
