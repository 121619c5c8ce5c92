-- The video that led to an order, and the order's sums: a video's sales are read by it. An order of a video that is no
-- slice of a show stands under the video's id as if that were its show.
ALTER TABLE dashboard_order ADD COLUMN video TEXT NOT NULL DEFAULT '';
ALTER TABLE dashboard_order ADD COLUMN gmv BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dashboard_order ADD COLUMN units BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dashboard_order ADD COLUMN refunded BIGINT NOT NULL DEFAULT 0;
CREATE INDEX dashboard_order_video ON dashboard_order (video, paid_at) WHERE video <> '';
