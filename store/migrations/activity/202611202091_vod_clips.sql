-- Moments that have had their clips, whatever became of these, and what a channel wants to become of its moments.
CREATE TABLE vod_clipped (
  moment TEXT PRIMARY KEY,
  clip TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE TABLE vod_clip_mode (
  channel TEXT PRIMARY KEY,
  mode TEXT NOT NULL CHECK (mode IN ('draft', 'publish', 'off')),
  changed_at BIGINT NOT NULL
);
