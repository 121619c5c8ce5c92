CREATE INDEX broadcast_ended ON broadcast (ended_at, id) WHERE state = 'ended';
