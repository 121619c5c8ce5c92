import { describe, expect, it } from 'vitest';
import { opensIn } from './opening';

describe('a sale that opens later', () => {
  const now = Date.parse('2026-11-20T20:00:00Z');

  it('counts whole seconds down, and is open at its time', () => {
    expect(opensIn('2026-11-20T20:01:00Z', now)).toBe(60);
    expect(opensIn('2026-11-20T20:00:00.200Z', now)).toBe(1);
    expect(opensIn('2026-11-20T20:00:00Z', now)).toBe(0);
    expect(opensIn('2026-11-20T19:00:00Z', now)).toBe(0);
  });

  it('is open where there is no time, or none that can be read', () => {
    expect(opensIn(undefined, now)).toBe(0);
    expect(opensIn('soon', now)).toBe(0);
  });
});
