import type { Deal, Pin } from '../api/types';
import { money } from '../i18n/format';
import { priceRange } from '../shop/money';
import type { DealTurn } from './deals';
import { child } from './dom';
import type { OfferOptions } from './offer';

/** Announcer says to those who listen what appears over the picture and what goes. */
export class Announcer {
  private readonly line: HTMLElement;
  private before: readonly Pin[] = [];

  constructor(
    root: ShadowRoot,
    private readonly options: OfferOptions,
  ) {
    this.line = child(root, 'p', 'hidden');
    this.line.setAttribute('aria-live', 'polite');
  }

  show(pins: readonly Pin[]): void {
    const { words, tag } = this.options;
    const isIn = (list: readonly Pin[]) => (pin: Pin) => list.some((one) => one.id === pin.id);
    const come = pins.filter((pin) => !isIn(this.before)(pin)).at(-1);
    const gone = this.before.filter((pin) => !isIn(pins)(pin)).at(-1);
    this.before = pins;
    if (come) {
      const { set } = come;
      const range = priceRange(come.variants);
      const about = set ? words().count(set.count) : range ? money(range.price, tag()) : '';
      this.line.textContent = words().shown(set?.name ?? come.product.title, about);
    } else if (gone) this.line.textContent = words().gone(gone.set?.name ?? gone.product.title);
  }

  /** turn says when a deal opens, is taken and ends; never the seconds between. */
  turn({ product: { title }, price }: Deal, state: DealTurn): void {
    const { words, tag } = this.options;
    const said = words();
    if (state === 'open') this.line.textContent = said.shown(title, money(price, tag()));
    else if (state !== 'announced')
      this.line.textContent = `${title}: ${state === 'taken' ? said.taken : said.dealOver}`;
  }
}
