import { expect, test } from 'vitest';
import { diagnose, examine, kept, type EncoderHealth } from './doctor';

const good = { video_bitrate: 2_500_000, frame_rate: 30, key_interval_ms: 2000, drift_ms: 4, audio_codec: 'aac' };
const thrice = (health: EncoderHealth) => diagnose([health, health, health]);

test('nothing known is not "healthy"', () => {
  expect(diagnose([]).level).toBe('unknown');
  expect(diagnose([{}]).level).toBe('unknown');
});

test('a good encoder has no findings', () => {
  expect(thrice(good)).toEqual({ level: 'ok', findings: [] });
});

test('the worst decides, and comes first', () => {
  const poor = { video_bitrate: 100_000, b_frames: true, key_interval_ms: 10_000, frame_rate: 30, drift_ms: -900 };
  expect(thrice({ ...poor, skew_ms: 300 })).toEqual({
    level: 'bad',
    findings: ['bitrateLow', 'bFrames', 'keyLong', 'drift', 'skew'],
  });
});

test('what the server calls a fault is one', () => {
  expect(thrice({ frame_rate: 30, fault: 'no key frame' })).toEqual({ level: 'bad', findings: ['fault'] });
});

test('before the first second there is no rate to complain of', () => {
  expect(examine({ video_bitrate: 0, frame_rate: 0, key_interval_ms: 0 })).toEqual([]);
});

test('one odd second is not said', () => {
  const odd = { ...good, drift_ms: -400 };
  expect(diagnose([good, odd, odd]).findings).toEqual([]);
  expect(diagnose([odd, odd]).findings).toEqual([]);
  expect(diagnose([odd, odd, odd]).findings).toEqual(['drift']);
  expect(diagnose([odd, odd, good]).findings).toEqual([]);
});

test('no more readings are kept than are weighed, and none over a pause', () => {
  expect(kept([{ lost: 1 }, { lost: 2 }, { lost: 3 }], { lost: 4 })).toEqual([{ lost: 2 }, { lost: 3 }, { lost: 4 }]);
  expect(kept([], { lost: 1 })).toEqual([{ lost: 1 }]);
  expect(kept([{ lost: 1 }], undefined)).toEqual([]);
});
