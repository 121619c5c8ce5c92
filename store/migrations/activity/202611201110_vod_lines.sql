-- Something that plays: a slice of a source's timeline. until_media 0: to the end. newest is the date of its newest line.
CREATE TABLE vod_video (
  id TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  shop TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('replay')),
  state TEXT NOT NULL CHECK (state IN ('kept', 'retired')),
  from_media BIGINT NOT NULL,
  until_media BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  newest BIGINT NOT NULL
);
CREATE INDEX vod_video_source ON vod_video (source, id);
CREATE INDEX vod_video_newest ON vod_video (state, newest, id);
CREATE TABLE vod_init (
  source TEXT NOT NULL,
  rendition TEXT NOT NULL,
  life TEXT NOT NULL,
  number BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  anchor_media BIGINT NOT NULL,
  anchor_wall BIGINT NOT NULL, -- Unix microseconds
  has_video BIGINT NOT NULL,
  has_audio BIGINT NOT NULL,
  codecs TEXT NOT NULL,
  width BIGINT NOT NULL,
  height BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  blob TEXT NOT NULL,
  PRIMARY KEY (source, rendition, life, number)
);
-- A segment in the blob store; its line is written after its bytes. Dates and times are microseconds.
CREATE TABLE vod_line (
  source TEXT NOT NULL,
  rendition TEXT NOT NULL,
  life TEXT NOT NULL,
  number BIGINT NOT NULL,
  init BIGINT NOT NULL,
  discontinuity BIGINT NOT NULL,
  independent BIGINT NOT NULL,
  date BIGINT NOT NULL,
  from_media BIGINT NOT NULL,
  duration BIGINT NOT NULL CHECK (duration > 0),
  bytes BIGINT NOT NULL,
  blob TEXT NOT NULL,
  PRIMARY KEY (source, rendition, life, number)
);
CREATE INDEX vod_line_time ON vod_line (source, from_media, rendition, life, number);
