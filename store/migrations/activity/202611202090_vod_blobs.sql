-- Blobs are looked for by their keys: by backups, by the sweep of what no line names.
CREATE INDEX vod_line_blob ON vod_line (blob);
CREATE INDEX vod_init_blob ON vod_init (blob);
ALTER TABLE vod_line ADD COLUMN sum TEXT NOT NULL DEFAULT ''; -- SHA-256 of the blob, '' where it was not noted
ALTER TABLE vod_init ADD COLUMN sum TEXT NOT NULL DEFAULT '';
