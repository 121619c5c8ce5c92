import closing from 'lucide-static/icons/x.svg?raw';
import type { Pin, ProductCard } from '../api/types';
import { whenSeen } from '../room/seen';
import { inSet } from '../room/sets';
import type { CardsOptions } from './cards';
import { button, child } from './dom';
import { offer } from './offer';

interface Row {
  item: HTMLLIElement;
  product: ProductCard;
  fill: () => void;
  stop: () => void;
}

export interface SetPanelOptions extends CardsOptions {
  /** A large set comes without its products: they are asked for when somebody looks. */
  load: () => void;
}

/**
 * SetPanel lays all products of a pinned set over the picture, each with its own buttons, until it is closed: by its
 * button, by Escape, or because nothing is played any more. A set that is unpinned meanwhile stays as it was last seen.
 */
export class SetPanel {
  private readonly panel: HTMLElement;
  private readonly title: HTMLElement;
  private readonly closer: HTMLButtonElement;
  private readonly waiting: HTMLElement;
  private readonly list: HTMLElement;
  private readonly rows = new Map<string, Row>();
  private pin: Pin | undefined;
  private opener: HTMLElement | undefined;

  constructor(
    private readonly root: ShadowRoot,
    private readonly options: SetPanelOptions,
    /** What it lies over: nobody gets there while it is open. */
    private readonly behind: HTMLElement,
  ) {
    this.panel = child(root, 'section', 'panel');
    this.panel.part.add('panel');
    this.panel.hidden = true;
    this.panel.tabIndex = -1;
    this.panel.setAttribute('role', 'dialog');
    this.panel.setAttribute('aria-labelledby', 'panel-title');
    const head = child(this.panel, 'header', '');
    this.title = child(head, 'h2', 'title');
    this.title.id = 'panel-title';
    this.title.dir = 'auto';
    this.closer = button(head, 'round', () => this.close());
    this.closer.innerHTML = closing;
    this.waiting = child(this.panel, 'p', 'line');
    this.waiting.setAttribute('role', 'status');
    this.list = child(this.panel, 'ul', '');
    this.list.setAttribute('role', 'list');
    this.panel.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      this.close();
    });
  }

  open(pin: Pin, opener: HTMLElement): void {
    this.clear();
    this.pin = pin;
    this.opener = opener;
    opener.setAttribute('aria-expanded', 'true');
    this.panel.hidden = false;
    this.behind.inert = true;
    if (!pin.set?.products) this.options.load();
    this.fill();
    this.panel.focus();
  }

  /** close gives the focus back to what opened it, as far as that is still there. */
  close(): void {
    if (!this.pin) return;
    this.pin = undefined;
    const within = this.panel.contains(this.root.activeElement);
    this.panel.hidden = true;
    this.behind.inert = false;
    this.clear();
    this.opener?.removeAttribute('aria-expanded');
    if (within && this.opener?.isConnected) this.opener.focus();
    else if (within) this.root.querySelector<HTMLElement>('button:not([hidden], :disabled)')?.focus();
    this.opener = undefined;
  }

  /** show brings what is open up to date. */
  show(pins: readonly Pin[]): void {
    const now = this.pin && pins.find((pin) => pin.id === this.pin?.id);
    if (!now || now === this.pin) return;
    this.pin = now;
    this.fill();
  }

  /** again writes all of it anew: the language changed, or a deal. */
  again(): void {
    if (this.pin) this.fill();
  }

  private clear(): void {
    for (const row of this.rows.values()) row.stop();
    this.rows.clear();
    this.list.replaceChildren();
  }

  private fill(): void {
    const pin = this.pin!;
    const said = this.options.words();
    const products = inSet(pin);
    this.title.textContent = pin.set?.name ?? '';
    this.closer.setAttribute('aria-label', said.close);
    this.waiting.textContent = pin.set?.products ? '' : said.loading;
    for (const [id, row] of this.rows) {
      if (products.some((one) => one.id === id)) continue;
      row.stop();
      row.item.remove();
      this.rows.delete(id);
    }
    for (const product of products) {
      const row = this.rows.get(product.id) ?? this.make(product);
      row.product = product;
      row.fill();
    }
  }

  private make(product: ProductCard): Row {
    const item = this.list.appendChild(document.createElement('li'));
    item.part.add('card');
    item.dataset['product'] = product.id;
    const row: Row = { item, product, fill: () => undefined, stop: () => undefined };
    this.rows.set(product.id, row);
    row.fill = offer(item, this.options, () => ({ ...row.product, variants: this.options.variants(row.product) }), {
      buy: (variant) => this.pin && this.options.onBuy(this.pin, product.id, variant),
      add: (variant) => this.pin && this.options.onAdd(this.pin, product.id, variant),
    });
    row.stop = whenSeen(item, () => this.pin && this.options.onSeen(this.pin, product.id));
    return row;
  }
}
