import { expect, test } from 'vitest';
import { place, whole } from './types';

test('the timeline goes from the first to the last picture', () => {
  const stretches = [
    { from: 100, until: 200 },
    { from: 300, until: 500 },
  ];
  expect(whole({ stretches, renditions: ['main'], bytes: 1 })).toEqual({ from: 100, until: 500 });
  expect(whole({ stretches: [], renditions: [], bytes: 0 })).toBeUndefined();
});

test('what lies outside is drawn at the edge', () => {
  const all = { from: 100, until: 500 };
  expect(place(300, all)).toBe(50);
  expect(place(0, all)).toBe(0);
  expect(place(900, all)).toBe(100);
  expect(place(5, { from: 5, until: 5 })).toBe(0);
});
