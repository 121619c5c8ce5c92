-- A stream key's passphrase for SRT, sealed by secret_key. Empty: the key is older than passphrases.
ALTER TABLE stream_key ADD COLUMN srt_sealed TEXT NOT NULL DEFAULT '';
