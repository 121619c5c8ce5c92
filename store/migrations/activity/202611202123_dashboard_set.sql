-- The products of a pinned set behind its first, separated by spaces, and the set's name: clicks and orders of each
-- belong to the pin.
ALTER TABLE dashboard_pin ADD COLUMN others TEXT NOT NULL DEFAULT '';
ALTER TABLE dashboard_pin ADD COLUMN set_name TEXT NOT NULL DEFAULT '';
