import { expect, test } from 'vitest';
import { readDelta } from './stock';

test('a change of stock is a whole number with a sign', () => {
  expect(readDelta('12')).toBe(12);
  expect(readDelta(' +3 ')).toBe(3);
  expect(readDelta('-3')).toBe(-3);
  expect(readDelta('−4')).toBe(-4);
  for (const text of ['', '0', '-0', '1.5', 'ten', '99999999']) expect(readDelta(text)).toBeUndefined();
});
