-- What was removed last is asked for every second: clips are made of it.
CREATE INDEX overlay_pin_removed ON overlay_pin (removed_at);
