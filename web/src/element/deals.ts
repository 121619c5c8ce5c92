import { pictureURL } from '../api/client';
import type { Deal, DealOffer, MediaTime } from '../api/types';
import { clock, money } from '../i18n/format';
import { whenSeen } from '../room/seen';
import { button, child, name, struck } from './dom';
import type { Words } from './words';

export interface DealsOptions {
  base: string;
  tag: () => string;
  words: () => Words;
  /** The frame on the screen: what is counted down is counted on the picture's own clock. */
  mediaTime: () => MediaTime | undefined;
  /** Its card was really seen, for the first time. */
  onSeen: (deal: Deal) => void;
  onBuy: (deal: Deal, offer: DealOffer | undefined) => void;
  /** A deal is announced, open, taken or ended, on its frame. */
  onTurn: (deal: Deal, state: DealTurn) => void;
}

export type DealTurn = 'announced' | 'open' | 'taken' | 'ended';

/** How often a countdown is written anew. */
const countMilliseconds = 200;

interface Card {
  item: HTMLLIElement;
  deal: Deal;
  turn: DealTurn | undefined;
  fill: () => void;
  count: () => void;
  stop: () => void;
}

/** Deals are the cards of deals, above what is pinned: their price, what is left of them and of their time. */
export class Deals {
  private readonly cards = new Map<string, Card>();
  private readonly seen = new Set<string>();
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly list: HTMLUListElement,
    private readonly options: DealsOptions,
  ) {}

  /** show is called within the rendering of the frame that changed something. Of the past nothing turns any more. */
  show(deals: readonly Deal[], past: boolean): void {
    for (const [id, card] of this.cards) {
      if (deals.some((deal) => deal.id === id)) continue;
      card.stop();
      card.item.remove();
      this.cards.delete(id);
      if (!past && card.deal.state !== 'ended') this.options.onTurn(card.deal, 'ended');
    }
    for (const deal of deals) {
      let card = this.cards.get(deal.id);
      if (card?.deal === deal) continue;
      if (!card) {
        card = this.make(deal);
        this.cards.set(deal.id, card);
        this.list.prepend(card.item);
      }
      card.deal = deal;
      card.fill();
      const turn = turnOf(deal);
      if (turn !== card.turn && !past) this.options.onTurn(deal, turn);
      card.turn = turn;
    }
    this.run(deals.some((deal) => deal.state !== 'ended'));
  }

  /** again writes every card anew: the language changed. */
  again(): void {
    for (const card of this.cards.values()) card.fill();
  }

  private run(counting: boolean): void {
    if (counting === (this.timer !== undefined)) return;
    clearInterval(this.timer);
    this.timer = counting
      ? setInterval(() => this.cards.forEach((card) => card.count()), countMilliseconds)
      : undefined;
  }

  private make(deal: Deal): Card {
    const { words, tag, base } = this.options;
    const item = document.createElement('li');
    item.part.add('card', 'deal');
    item.dataset['deal'] = deal.id;
    const picture = pictureURL(deal.product.picture);
    if (picture) {
      const image = item.appendChild(document.createElement('img'));
      image.alt = '';
      image.src = new URL(picture, base).href;
    }
    const text = child(item, 'div', 'text');
    const title = child(text, 'p', 'title');
    title.dir = 'auto';
    const price = child(text, 'p', 'price');
    const line = child(text, 'p', 'line');
    // A clock that is read out every second says nothing.
    const time = child(line, 'span', 'time');
    time.setAttribute('aria-hidden', 'true');
    const left = child(line, 'span', 'left');
    const buy = button(item, 'accent', () => this.options.onBuy(card.deal, only(card.deal)));
    buy.part.add('buy');
    const count = () => {
      const { state, opens, ends } = card.deal;
      const at = this.options.mediaTime();
      const to = state === 'open' ? ends : opens;
      const rest = at === undefined ? '' : clock(Math.max(0, Math.ceil((to - at) / 1e6)), tag());
      const said = state === 'ended' ? '' : state === 'open' ? words().endsIn(rest) : words().opensIn(rest);
      if (time.textContent !== said) time.textContent = said;
    };
    const fill = () => {
      const now = card.deal;
      const said = words();
      const turn = turnOf(now);
      item.dataset['state'] = now.state;
      title.textContent = now.product.title;
      price.replaceChildren(money(now.price, tag()));
      const before = now.variants[0]?.price;
      if (before) price.append(' ', struck(said.before, money(before, tag())));
      left.textContent = { ended: said.dealOver, taken: said.taken, open: said.left(now.left), announced: '' }[turn];
      buy.disabled = turn !== 'open';
      buy.hidden = turn === 'ended';
      name(buy, turn === 'taken' ? said.soldOut : said.buy, said.buyNamed(now.product.title));
      count();
    };
    const stop = whenSeen(item, () => {
      if (!this.seen.has(deal.id)) this.options.onSeen(card.deal);
      this.seen.add(deal.id);
    });
    const card: Card = { item, deal, turn: undefined, fill, count, stop };
    return card;
  }
}

function turnOf(deal: Deal): DealTurn {
  if (deal.state !== 'open') return deal.state;
  return deal.left > 0 && deal.variants.some((one) => one.available > 0) ? 'open' : 'taken';
}

/** only is what is bought where there is nothing to choose. */
function only({ variants }: Deal): DealOffer | undefined {
  const left = variants.filter((one) => one.available > 0);
  return left.length === 1 ? left[0] : undefined;
}
