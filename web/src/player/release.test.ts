import { describe, expect, test } from 'vitest';
import { Release, frameDuration, type Lateness } from './release';

const frame = 33_333;

function setUp(heldMax?: number) {
  const shown: string[] = [];
  const late: Lateness[] = [];
  const release = new Release<string>({ deliver: (e) => shown.push(e), onLate: (l) => late.push(l), heldMax });
  return { release, shown, late };
}

describe('Release', () => {
  test('an event waits for its frame', () => {
    const { release, shown, late } = setUp();
    release.advance(30 * frame);
    release.hold('pin', 32 * frame);
    release.advance(31 * frame);
    expect(shown).toEqual([]);
    release.advance(32 * frame);
    expect(shown).toEqual(['pin']);
    expect(late).toEqual([]);
  });

  test('half a frame of rounding does not cost a frame', () => {
    const { release, shown } = setUp();
    release.advance(30 * frame);
    release.hold('pin', 31 * frame);
    release.advance(31 * frame - 1000);
    expect(shown).toEqual(['pin']);
  });

  test('an event that comes after its frame is shown at once and counted', () => {
    const { release, shown, late } = setUp();
    release.advance(29 * frame);
    release.advance(30 * frame);
    release.hold('pin', 27 * frame);
    expect(shown).toEqual(['pin']);
    expect(late).toEqual([{ ms: 100, frames: 3, cause: 'arrived' }]);
  });

  test('an event of the frame on the screen is not late', () => {
    const { release, shown, late } = setUp();
    release.advance(30 * frame);
    release.hold('pin', 30 * frame);
    expect(shown).toEqual(['pin']);
    expect(late).toEqual([]);
  });

  test('a picture that jumps over the frame counts as frozen', () => {
    const { release, shown, late } = setUp();
    release.advance(29 * frame);
    release.advance(30 * frame);
    release.hold('pin', 32 * frame);
    release.advance(40 * frame);
    expect(shown).toEqual(['pin']);
    expect(late).toEqual([{ ms: 267, frames: 8, cause: 'frozen' }]);
  });

  test('events leave in the order of their frames, then of their coming', () => {
    const { release, shown } = setUp();
    release.advance(1);
    release.hold('c', 300_000);
    release.hold('a', 200_000);
    release.hold('b', 200_000);
    release.advance(400_000);
    expect(shown).toEqual(['a', 'b', 'c']);
  });

  test('before the first frame everything with a frame waits', () => {
    const { release, shown } = setUp();
    release.hold('pin', 1);
    release.hold('viewers', 0);
    expect(shown).toEqual(['viewers']);
    release.flush();
    expect(shown).toEqual(['viewers', 'pin']);
  });

  test('what is held is bounded, the oldest goes first', () => {
    const { release, shown } = setUp(2);
    release.hold('a', 1_000_000);
    release.hold('b', 2_000_000);
    release.hold('c', 3_000_000);
    expect(shown).toEqual(['a']);
    expect(release.size).toBe(2);
  });

  test('clear forgets', () => {
    const { release, shown } = setUp();
    release.hold('a', 1_000_000);
    release.clear();
    release.advance(2_000_000);
    expect(shown).toEqual([]);
  });
});

describe('frameDuration', () => {
  test('follows a faster cadence at once and a slower one slowly', () => {
    expect(frameDuration(0, 16_667, 33_333)).toBe(16_667);
    expect(frameDuration(0, 40_000, 33_333)).toBeCloseTo(33_999.66);
  });
  test('a jump or a repeated frame says nothing', () => {
    expect(frameDuration(0, 9_000_000, 33_333)).toBe(33_333);
    expect(frameDuration(100, 100, 33_333)).toBe(33_333);
    expect(frameDuration(undefined, 100, 33_333)).toBe(33_333);
  });
});
