import { expect, test } from 'vitest';
import { active, nextAsk } from './wait';

const now = Date.parse('2026-11-20T10:00:00Z');
const wait = { variant: 'v', state: 'waiting' as const, number: 7, position: 3 };

test('who waits is told soon once the feed says that it is their number', () => {
  expect(nextAsk(wait, undefined, now)).toBe(5000);
  expect(nextAsk(wait, 6, now)).toBe(5000);
  expect(nextAsk(wait, 7, now)).toBe(1000);
});

test('what is kept is asked for again when its time is over', () => {
  const kept = { ...wait, state: 'offered' as const, until: '2026-11-20T10:00:30Z' };
  expect(nextAsk(kept, 7, now)).toBe(30_000);
  expect(nextAsk(kept, 7, now + 40_000)).toBe(1000);
});

test('who does not wait is not asked for', () => {
  for (const state of ['none', 'taken', 'passed', 'left'] as const) {
    expect(active({ ...wait, state })).toBe(false);
    expect(nextAsk({ ...wait, state }, 9, now)).toBeUndefined();
  }
  expect(nextAsk(undefined, 9, now)).toBeUndefined();
});
