-- What viewers did with what the feed showed them. watched is thousandths of the whole, summed over plays.
CREATE TABLE feed_count (
  item TEXT PRIMARY KEY,
  impressions BIGINT NOT NULL,
  plays BIGINT NOT NULL,
  watched BIGINT NOT NULL,
  boosted BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE INDEX feed_count_age ON feed_count (changed_at, item);
