import { expect, test } from 'vitest';
import { diagnose } from './doctor';

test('nothing known is not "healthy"', () => {
  expect(diagnose(undefined).level).toBe('unknown');
  expect(diagnose({}).level).toBe('unknown');
});

test('a good encoder has no findings', () => {
  const good = { video_bitrate: 2_500_000, frame_rate: 30, key_interval_ms: 2000, drift_ms: 4, b_frames: false };
  expect(diagnose({ ...good, audio_codec: 'aac', skew_ms: -20 })).toEqual({ level: 'ok', findings: [] });
});

test('the worst decides, and comes first', () => {
  const poor = { video_bitrate: 100_000, b_frames: true, key_interval_ms: 10_000, frame_rate: 30, drift_ms: -900 };
  expect(diagnose({ ...poor, skew_ms: 300 })).toEqual({
    level: 'bad',
    findings: ['bitrateLow', 'bFrames', 'keyLong', 'drift', 'skew'],
  });
});

test('what the server calls a fault is one', () => {
  expect(diagnose({ frame_rate: 30, fault: 'no key frame' })).toEqual({ level: 'bad', findings: ['fault'] });
});

test('before the first second there is no rate to complain of', () => {
  expect(diagnose({ video_bitrate: 0, frame_rate: 0, key_interval_ms: 0 }).level).toBe('ok');
});
