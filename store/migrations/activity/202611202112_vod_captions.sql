-- What is said in a video, as WebVTT with the video's own times. A broadcast's stand under its id, as its replay does.
CREATE TABLE vod_captions (
  video TEXT NOT NULL,
  language TEXT NOT NULL,
  label TEXT NOT NULL,
  text TEXT NOT NULL,
  changed_by TEXT NOT NULL, -- account
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (video, language)
);
