import { pictureURL } from '../api/client';
import type { PinVariant } from '../api/types';
import { money } from '../i18n/format';
import { priceRange } from '../shop/money';
import { button, child, name, struck } from './dom';
import type { Words } from './words';

export interface OfferOptions {
  base: string;
  tag: () => string;
  words: () => Words;
  /** The host page has a cart of its own: offers can be added to it. */
  cart: () => boolean;
}

/** What is offered: a product, and its variants at their prices of now. */
export interface Offered {
  title: string;
  picture?: string;
  variants: readonly PinVariant[];
}

/** offer writes a product into an item: picture, title, price and buttons. What it returns writes them anew. */
export function offer(
  item: HTMLElement,
  { words, tag, cart, base }: OfferOptions,
  now: () => Offered,
  on: { buy: (variant: PinVariant | undefined) => void; add: (variant: PinVariant | undefined) => void },
): () => void {
  picture(item, base, now().picture);
  const text = child(item, 'div', 'text');
  const title = child(text, 'p', 'title');
  title.dir = 'auto';
  const price = child(text, 'p', 'price');
  const add = button(item, 'plain', () => on.add(only(now().variants)));
  const buy = button(item, 'accent', () => on.buy(only(now().variants)));
  buy.part.add('buy');
  add.part.add('add');
  return () => {
    const { title: called, variants } = now();
    const said = words();
    const left = variants.some((one) => one.available > 0);
    title.textContent = called;
    const range = priceRange(variants);
    price.replaceChildren();
    if (range) price.append(money(range.price, tag()));
    if (range?.compareAt) price.append(' ', struck(said.before, money(range.compareAt, tag())));
    buy.disabled = add.disabled = !left;
    name(buy, left ? said.buy : said.soldOut, left ? said.buyNamed(called) : undefined);
    name(add, said.add, said.addNamed(called));
    add.hidden = !left || !cart();
  };
}

/** picture puts a product's picture into an element. It says nothing that its title does not say. */
export function picture(parent: HTMLElement, base: string, of: string | undefined): void {
  const at = pictureURL(of);
  if (!at) return;
  const image = parent.appendChild(document.createElement('img'));
  image.alt = '';
  image.src = new URL(at, base).href;
}

/** only is what is bought where there is nothing to choose. */
function only(variants: readonly PinVariant[]): PinVariant | undefined {
  const left = variants.filter((one) => one.available > 0);
  return left.length === 1 ? left[0] : undefined;
}
