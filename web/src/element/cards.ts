import { pictureURL } from '../api/client';
import type { Pin, PinVariant } from '../api/types';
import { money } from '../i18n/format';
import { whenSeen } from '../room/seen';
import { priceRange } from '../shop/money';
import { button, child, name, struck } from './dom';
import type { Words } from './words';

export interface CardsOptions {
  base: string;
  tag: () => string;
  words: () => Words;
  /** The host page has a cart of its own: cards offer to add to it. */
  cart: () => boolean;
  onSeen: (pin: Pin) => void;
  onBuy: (pin: Pin, variant: PinVariant | undefined) => void;
  onAdd: (pin: Pin, variant: PinVariant | undefined) => void;
}

interface Card {
  item: HTMLLIElement;
  pin: Pin;
  fill: () => void;
  stop: () => void;
}

/** Cards are what is pinned, put into the page in the very call that says so: on its frame. */
export class Cards {
  private cards = new Map<string, Card>();

  constructor(
    private readonly list: HTMLUListElement,
    private readonly options: CardsOptions,
  ) {}

  show(pins: readonly Pin[]): void {
    for (const [id, card] of this.cards) {
      if (pins.some((pin) => pin.id === id)) continue;
      card.stop();
      card.item.remove();
      this.cards.delete(id);
    }
    for (const pin of pins) {
      let card = this.cards.get(pin.id);
      if (!card) {
        card = this.make(pin);
        this.cards.set(pin.id, card);
        this.list.append(card.item);
      } else if (card.pin === pin) continue;
      card.pin = pin;
      card.fill();
    }
  }

  /** again writes every card anew: the language changed. */
  again(): void {
    for (const card of this.cards.values()) card.fill();
  }

  private make(pin: Pin): Card {
    const { words, tag, base } = this.options;
    const item = document.createElement('li');
    item.part.add('card');
    item.dataset['pin'] = pin.id;
    item.dataset['product'] = pin.product.id;
    const picture = pictureURL(pin.product.picture);
    if (picture) {
      const image = item.appendChild(document.createElement('img'));
      image.alt = '';
      image.src = new URL(picture, base).href;
    }
    const text = child(item, 'div', 'text');
    const title = child(text, 'p', 'title');
    title.dir = 'auto';
    const price = child(text, 'p', 'price');
    const add = button(item, 'plain', () => this.options.onAdd(card.pin, cheapest(card.pin)));
    const buy = button(item, 'accent', () => this.options.onBuy(card.pin, cheapest(card.pin)));
    buy.part.add('buy');
    add.part.add('add');
    const fill = () => {
      const now = card.pin;
      const said = words();
      const left = now.variants.some((one) => one.available > 0);
      title.textContent = now.product.title;
      const range = priceRange(now.variants);
      price.replaceChildren();
      if (range) price.append(money(range.price, tag()));
      if (range?.compareAt) price.append(' ', struck(said.before, money(range.compareAt, tag())));
      buy.disabled = add.disabled = !left;
      name(buy, left ? said.buy : said.soldOut, left ? said.buyNamed(now.product.title) : undefined);
      name(add, said.add, said.addNamed(now.product.title));
      add.hidden = !left || !this.options.cart();
    };
    const card: Card = { item, pin, fill, stop: whenSeen(item, () => this.options.onSeen(card.pin)) };
    fill();
    return card;
  }
}

function cheapest(pin: Pin): PinVariant | undefined {
  const left = pin.variants.filter((one) => one.available > 0);
  return left.length === 1 ? left[0] : undefined; // of several the buyer chooses
}
