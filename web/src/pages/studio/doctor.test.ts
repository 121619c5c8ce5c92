import { expect, test } from 'vitest';
import { diagnose } from './doctor';

test('nothing known is not "healthy"', () => {
  expect(diagnose(undefined).level).toBe('unknown');
  expect(diagnose({}).level).toBe('unknown');
});

test('a good encoder has no findings', () => {
  expect(diagnose({ bitrate: 2_500_000, frame_rate: 30, key_interval: 2, drift_ms: 4, b_frames: false })).toEqual({
    level: 'ok',
    findings: [],
  });
});

test('the worst decides, and comes first', () => {
  expect(diagnose({ bitrate: 100_000, b_frames: true, key_interval: 10, frame_rate: 30, drift_ms: -900 })).toEqual({
    level: 'bad',
    findings: ['bitrateLow', 'bFrames', 'keyLong', 'drift'],
  });
});

test('before the first second there is no rate to complain of', () => {
  expect(diagnose({ bitrate: 0, frame_rate: 0 }).level).toBe('ok');
});
