import { expect, test } from 'vitest';
import type { OrderLine } from '../../api/types';
import { mayRefund, refundable, refundTotal, withQuantity, withRestock } from './refund';

const line = (n: number, quantity: number, refunded = 0): OrderLine => ({
  line: n,
  product: 'p',
  variant: 'v',
  title: 't',
  quantity,
  unit_price: { amount: 2905, currency: 'EUR' },
  refunded_quantity: refunded,
});

test('only what is paid and not yet back can go back', () => {
  expect(refundable(line(1, 3, 1))).toBe(2);
  expect(refundable(line(1, 1, 1))).toBe(0);
  expect(mayRefund({ state: 'paid' })).toBe(true);
  expect(mayRefund({ state: 'partially_refunded' })).toBe(true);
  expect(mayRefund({ state: 'held' })).toBe(false);
  expect(mayRefund({ state: 'refunded' })).toBe(false);
});

test('a quantity stays within the line, and none takes it out', () => {
  expect(withQuantity([], line(1, 3, 1), 9)).toEqual([{ line: 1, quantity: 2, restock: true }]);
  expect(withQuantity([{ line: 1, quantity: 2, restock: false }], line(1, 3), 1)).toEqual([
    { line: 1, quantity: 1, restock: false },
  ]);
  expect(withQuantity([{ line: 1, quantity: 2, restock: true }], line(1, 3), 0)).toEqual([]);
  expect(withQuantity([], line(1, 3), Number.NaN)).toEqual([]);
  expect(withQuantity([], line(1, 3), -2)).toEqual([]);
});

test('the sum is exact', () => {
  const order = { lines: [line(1, 3), line(2, 1)] };
  const chosen = withRestock(withQuantity(withQuantity([], order.lines[1]!, 1), order.lines[0]!, 2), 2, false);
  expect(chosen).toEqual([
    { line: 1, quantity: 2, restock: true },
    { line: 2, quantity: 1, restock: false },
  ]);
  expect(refundTotal(order, chosen)).toBe(8715);
});
