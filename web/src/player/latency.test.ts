import { describe, expect, test } from 'vitest';
import { HangGuard, steer } from './latency';

describe('steer', () => {
  const at = (latency: number, more = {}) => steer({ latency, target: 1, ahead: 0.8, rate: 1, ...more });
  test('at the target it plays at its own pace', () => {
    expect(at(1.1)).toEqual({ rate: 1, jump: 0 });
  });
  test('a little behind it goes a little faster, never above 1.1', () => {
    expect(at(1.3)).toEqual({ rate: 1.05, jump: 0 });
    expect(at(1.5)).toEqual({ rate: 1.08, jump: 0 });
    expect(at(3.9)).toEqual({ rate: 1.1, jump: 0 });
  });
  test('once faster it goes on until it is close', () => {
    expect(at(1.15, { rate: 1.03 }).rate).toBe(1.03);
    expect(at(1.05, { rate: 1.03 }).rate).toBe(1);
  });
  test('with nothing ahead it does not run into a stall', () => {
    expect(at(2, { ahead: 0.1 })).toEqual({ rate: 1, jump: 0 });
  });
  test('far behind it jumps', () => {
    expect(at(9)).toEqual({ rate: 1, jump: 8 });
  });
  test('an unknown latency changes nothing', () => {
    expect(at(NaN)).toEqual({ rate: 1, jump: 0 });
  });
});

describe('HangGuard', () => {
  test('rescues a playback that stands still while the playlist goes on, harder each time', () => {
    const guard = new HangGuard();
    const seen: string[] = [];
    for (let now = 0; now <= 6000; now += 100) {
      if (now % 300 === 0) guard.playlistAdvanced(now);
      const rescue = guard.check(now, 12.5, false);
      if (rescue !== 'none') seen.push(`${now} ${rescue}`);
    }
    expect(seen.slice(0, 3)).toEqual(['700 reload', '2200 seek', '3700 rebuild']);
  });
  test('a publisher that pauses is no hang', () => {
    const guard = new HangGuard();
    guard.playlistAdvanced(0);
    for (let now = 0; now <= 20000; now += 100) expect(guard.check(now, 12.5, false)).toBe('none');
  });
  test('moving time is no hang', () => {
    const guard = new HangGuard();
    for (let now = 0; now <= 5000; now += 100) {
      guard.playlistAdvanced(now);
      expect(guard.check(now, now / 1000, false)).toBe('none');
    }
  });
  test('a pause of the viewer is no hang', () => {
    const guard = new HangGuard();
    for (let now = 0; now <= 5000; now += 100) {
      guard.playlistAdvanced(now);
      expect(guard.check(now, 3, true)).toBe('none');
    }
  });
  test('after a rescue that worked it starts gently again', () => {
    const guard = new HangGuard();
    const run = (from: number, to: number, time: (now: number) => number) => {
      let last = 'none';
      for (let now = from; now <= to; now += 100) {
        guard.playlistAdvanced(now);
        const rescue = guard.check(now, time(now), false);
        if (rescue !== 'none') last = rescue;
      }
      return last;
    };
    expect(run(0, 1000, () => 1)).toBe('reload');
    expect(run(1100, 9000, (now) => now)).toBe('none');
    expect(run(9100, 10500, () => 1)).toBe('reload');
  });
});
