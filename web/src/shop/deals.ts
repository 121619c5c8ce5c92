import type { Deal, DealOffer, Money, PinVariant } from '../api/types';

/** dealOf is the deal on a product that viewers wait for or can have; sold out or over, it is none. */
export function dealOf(deals: readonly Deal[], product: string): Deal | undefined {
  return deals.find(
    ({ product: { id }, state, left }) => id === product && (state === 'announced' || (state === 'open' && left > 0)),
  );
}

/** before is the price that a deal's reduction is measured by; undefined where the deal is none by it. */
export function before(deal: Deal, offer: DealOffer | undefined): Money | undefined {
  if (!offer) return undefined;
  const { lowest_30d: lowest, price } = offer;
  const least = lowest && lowest.amount < price.amount ? lowest : price;
  return least.amount > deal.price.amount ? least : undefined;
}

/** atDeal gives variants the price of a deal that is open; what it is not about keeps its own. */
export function atDeal(variants: readonly PinVariant[], deal: Deal | undefined): PinVariant[] {
  if (!deal || deal.state !== 'open' || deal.left <= 0) return [...variants];
  return variants.map((variant) => {
    const offer = deal.variants.find((one) => one.id === variant.id);
    if (!offer?.quote || deal.price.amount >= variant.price.amount) return variant;
    const available = Math.min(variant.available, deal.left);
    return { ...variant, price: deal.price, compare_at: before(deal, offer), quote: offer.quote, available };
  });
}

/** variantsOf is what a deal offers where nothing else shows its product. */
export function variantsOf(deal: Deal): PinVariant[] {
  return deal.variants.map(({ id, title, price, available }) => ({ id, title, price, available }));
}
