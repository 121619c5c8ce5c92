import type { Pin, PinnedSet, PinVariant, ProductCard } from '../api/types';
import { money } from '../i18n/format';
import { whenSeen } from '../room/seen';
import { inSet, picturedIn } from '../room/sets';
import { priceRange } from '../shop/money';
import { button, child, name } from './dom';
import { offer, picture, type OfferOptions } from './offer';

export interface CardsOptions extends OfferOptions {
  /** variants are those of a product of a set, at the price of now. */
  variants: (product: ProductCard) => PinVariant[];
  onSeen: (pin: Pin, product: string) => void;
  onBuy: (pin: Pin, product: string, variant: PinVariant | undefined) => void;
  onAdd: (pin: Pin, product: string, variant: PinVariant | undefined) => void;
  /** The viewer wants to see all of a set. */
  onSet: (pin: Pin, opener: HTMLElement) => void;
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

  /** again writes every card anew: the language changed, or a deal. */
  again(): void {
    for (const card of this.cards.values()) card.fill();
  }

  private make(pin: Pin): Card {
    const item = document.createElement('li');
    item.part.add('card');
    item.dataset['pin'] = pin.id;
    const card: Card = { item, pin, fill: () => undefined, stop: () => undefined };
    card.fill = pin.set ? this.set(card) : this.single(card);
    card.stop = whenSeen(item, () => {
      for (const product of picturedIn(card.pin)) this.options.onSeen(card.pin, product.id);
    });
    card.fill();
    return card;
  }

  private single(card: Card): () => void {
    const { id } = card.pin.product;
    card.item.dataset['product'] = id;
    return offer(card.item, this.options, () => ({ ...card.pin.product, variants: card.pin.variants }), {
      buy: (variant) => this.options.onBuy(card.pin, id, variant),
      add: (variant) => this.options.onAdd(card.pin, id, variant),
    });
  }

  /** set writes the card of several products that are pinned together: all of them are behind its button. */
  private set(card: Card): () => void {
    const { item } = card;
    const { words, tag, base, variants, onSet } = this.options;
    item.dataset['set'] = card.pin.set!.id;
    const pictures = child(item, 'span', 'pictures');
    const text = child(item, 'div', 'text');
    const title = child(text, 'p', 'title');
    title.dir = 'auto';
    const line = child(text, 'p', 'line');
    const all = button(item, 'accent', () => onSet(card.pin, all));
    all.part.add('all');
    all.setAttribute('aria-haspopup', 'dialog');
    let pictured = '';
    return () => {
      const set = card.pin.set as PinnedSet;
      const said = words();
      const shown = picturedIn(card.pin);
      const now = shown.map((one) => one.picture).join(' ');
      if (now !== pictured) {
        pictures.replaceChildren();
        for (const one of shown) picture(pictures, base, one.picture);
      }
      pictured = now;
      title.textContent = set.name;
      const offers = inSet(card.pin).flatMap(variants);
      const range = priceRange(offers);
      const left = offers.length === 0 || offers.some((one) => one.available > 0);
      const from = range && said.from(money(range.price, tag()));
      line.replaceChildren();
      for (const part of [said.count(set.count), left ? from : said.soldOut]) {
        if (part) child(line, 'span', '').textContent = part;
      }
      name(all, said.all, said.allNamed(set.name));
    };
  }
}
