import type { Money, PinVariant } from '../api/types';

/** asMoney takes an amount either way the API writes it: with its currency, or as minor units beside one. */
export function asMoney(value: Money | number | undefined, currency: string): Money {
  if (typeof value === 'object') return value;
  return { amount: value ?? 0, currency };
}

export function times(price: Money, quantity: number): Money {
  return { amount: price.amount * quantity, currency: price.currency };
}

export interface PriceRange {
  price: Money;
  compareAt?: Money;
  /** There are dearer variants. */
  from: boolean;
}

/** priceRange is what a card says of several variants: the cheapest that can be had, else the cheapest of all. */
export function priceRange(variants: readonly PinVariant[]): PriceRange | undefined {
  const available = variants.filter((one) => one.available > 0);
  const of = available.length > 0 ? available : variants;
  const cheapest = of.reduce<PinVariant | undefined>(
    (a, b) => (!a || b.price.amount < a.price.amount ? b : a),
    undefined,
  );
  if (!cheapest) return undefined;
  const before = cheapest.compare_at;
  return {
    price: cheapest.price,
    compareAt: before && before.amount > cheapest.price.amount ? before : undefined,
    from: of.some((one) => one.price.amount > cheapest.price.amount),
  };
}

export interface StockLevel {
  available: number;
  /** Whether few are left, so that the number is shown. */
  low: boolean;
  /** How much of what was there is left, 0 to 1. */
  part: number;
}

const lowCount = 20;
const lowPart = 0.2;

/** stockLevel compares what is left with the most that this viewer has seen of it. */
export function stockLevel(variants: readonly Pick<PinVariant, 'available'>[], mostSeen: number): StockLevel {
  const available = variants.reduce((sum, one) => sum + Math.max(0, one.available), 0);
  const full = Math.max(mostSeen, available, 1);
  return {
    available,
    low: available <= lowCount || available / full <= lowPart,
    part: Math.min(1, available / Math.max(full, lowCount)),
  };
}
