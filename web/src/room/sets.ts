import type { Pin, ProductCard } from '../api/types';

/** A set's card shows the first few pictures. */
const picturesMost = 3;

/** inSet are the products of a pinned set, as far as they are here. */
export function inSet(pin: Pin): readonly ProductCard[] {
  return pin.set?.products ?? [];
}

/** picturedIn are the products that a pin's card itself shows. */
export function picturedIn(pin: Pin): readonly { id: string; picture?: string }[] {
  const products = inSet(pin);
  return products.length > 0 ? products.slice(0, picturesMost) : [pin.product];
}
