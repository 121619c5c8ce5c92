import { expect, test } from 'vitest';
import type { Deal, PinVariant } from '../api/types';
import { atDeal, dealOf, variantsOf } from './deals';

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const variants: PinVariant[] = [
  { id: 'm', title: 'M', price: eur(2900), available: 12, quote: 'list' },
  { id: 'l', title: 'L', price: eur(1500), available: 12, quote: 'list' },
  { id: 'xl', title: 'XL', price: eur(2900), available: 12, quote: 'list' },
];

function deal(more: Partial<Deal>): Deal {
  const offers = ['m', 'l'].map((id) => ({ id, title: id, price: eur(2900), available: 12, quote: `deal-${id}` }));
  const product = { id: 'p', title: 'P', kind: 'goods' };
  const times = { from: 1, opens: 2, ends: 3 };
  return {
    ...{ id: 'd', product, price: eur(1900), variants: offers, quantity: 5, left: 3, number: 1, version: 2 },
    ...{ state: 'open', ...times, ...more },
  };
}

test('an open deal gives what it is about its price, its quote and its units', () => {
  const [m, l, xl] = atDeal(variants, deal({}));
  expect(m).toMatchObject({ price: eur(1900), compare_at: eur(2900), quote: 'deal-m', available: 3 });
  expect(l).toBe(variants[1]); // it is cheaper than the deal: the best price wins
  expect(xl).toBe(variants[2]);
});

test('a reduction is measured by the lowest price of thirty days', () => {
  const at = (lowest: number) => {
    const offers = [{ id: 'm', title: 'm', price: eur(2900), lowest_30d: eur(lowest), available: 12, quote: 'q' }];
    return atDeal(variants, deal({ variants: offers }))[0]!.compare_at;
  };
  expect(at(2500)).toEqual(eur(2500)); // the price was raised since
  expect(at(3500)).toEqual(eur(2900));
  expect(at(1900)).toBeUndefined(); // the same deal was there before: nothing is struck through
});

test('before it opens and once it is sold out the price is the usual one', () => {
  expect(atDeal(variants, deal({ state: 'announced' }))).toEqual(variants);
  expect(atDeal(variants, deal({ left: 0 }))).toEqual(variants);
  expect(dealOf([deal({ left: 0 })], 'p')).toBeUndefined();
  expect(dealOf([deal({ state: 'ended' })], 'p')).toBeUndefined();
  expect(dealOf([deal({})], 'p')?.id).toBe('d');
  expect(variantsOf(deal({}))[0]).toEqual({ id: 'm', title: 'm', price: eur(2900), available: 12 });
});
