-- A video is one kind of thing: a whole broadcast, a clip of one, or something that was uploaded. What plays are the
-- lines of its source between from_media and until_media (0: to the end). Durations and media times are microseconds.
DROP INDEX vod_video_source;
DROP INDEX vod_video_newest;
ALTER TABLE vod_video RENAME TO vod_video_before;
CREATE TABLE vod_video (
  id TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  shop TEXT NOT NULL,
  channel TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('replay', 'clip', 'short', 'story', 'picture')),
  state TEXT NOT NULL CHECK (state IN ('draft', 'processing', 'review', 'scheduled', 'published', 'hidden', 'failed', 'retired')),
  title TEXT NOT NULL,
  caption TEXT NOT NULL,
  language TEXT NOT NULL,
  made_by TEXT NOT NULL, -- account
  from_media BIGINT NOT NULL,
  until_media BIGINT NOT NULL,
  duration BIGINT NOT NULL,
  width BIGINT NOT NULL,
  height BIGINT NOT NULL,
  frame_rate BIGINT NOT NULL, -- pictures in 1000 seconds
  approved BIGINT NOT NULL,
  publish_at BIGINT NOT NULL, -- what the creator wishes; 0: nothing
  published_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  newest BIGINT NOT NULL, -- date of the newest line
  body TEXT NOT NULL -- pictures, and why it failed or is hidden
);
INSERT INTO vod_video (id, source, shop, channel, kind, state, title, caption, language, made_by, from_media, until_media, duration, width, height,
  frame_rate, approved, publish_at, published_at, expires_at, created_at, changed_at, newest, body)
SELECT id, source, shop, '', kind, CASE state WHEN 'kept' THEN 'published' ELSE 'retired' END, '', '', '', '', from_media, until_media, 0, 0, 0,
  0, 1, 0, created_at, 0, created_at, created_at, newest, '{}' FROM vod_video_before;
DROP TABLE vod_video_before;
CREATE INDEX vod_video_source ON vod_video (source, id);
CREATE INDEX vod_video_newest ON vod_video (kind, state, newest, id);
CREATE INDEX vod_video_feed ON vod_video (state, published_at, id);
CREATE INDEX vod_video_channel ON vod_video (channel, created_at, id);
CREATE INDEX vod_video_due ON vod_video (state, publish_at, id);
CREATE INDEX vod_video_ends ON vod_video (state, expires_at, id);

-- Products that lie on a video's frames; until_media 0: to the end.
CREATE TABLE vod_tag (
  id TEXT PRIMARY KEY,
  video TEXT NOT NULL,
  place BIGINT NOT NULL,
  product TEXT NOT NULL,
  from_media BIGINT NOT NULL CHECK (from_media >= 0),
  until_media BIGINT NOT NULL CHECK (until_media = 0 OR until_media > from_media)
);
CREATE INDEX vod_tag_video ON vod_tag (video, place, id);

-- Work that is done once, whatever dies meanwhile. Whoever does it holds a lease and gives its own token and the number
-- of the attempt with every word about it. depot names the data folder that holds the job's file; '' where any node may.
CREATE TABLE vod_job (
  id TEXT PRIMARY KEY,
  video TEXT NOT NULL,
  shop TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('process', 'announce')),
  depot TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
  stage TEXT NOT NULL,
  progress BIGINT NOT NULL, -- of 1000
  attempt BIGINT NOT NULL,
  worker TEXT NOT NULL,
  due_at BIGINT NOT NULL, -- waiting: not before; running: the lease ends
  problem TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE INDEX vod_job_due ON vod_job (state, due_at, id);
CREATE INDEX vod_job_video ON vod_job (video, kind, id);

-- What a shop wants to happen before a video is public.
CREATE TABLE vod_policy (
  shop TEXT PRIMARY KEY,
  review BIGINT NOT NULL,
  webhook TEXT NOT NULL,
  secret TEXT NOT NULL, -- sealed
  changed_at BIGINT NOT NULL
);
