import { clientOf } from '../api/client';
import type { Deal, DealOffer, Money, Pin, PinVariant } from '../api/types';
import { direction } from '../i18n/language';
import type { Figures, PlayerState, Quality, TransportKind } from '../player';
import { prepareHls } from '../player/hlsload';
import { Room, type RoomView } from '../room/room';
import { atDeal, dealOf } from '../shop/deals';
import { Announcer } from './announcer';
import { Cards, type CardsOptions } from './cards';
import { Controls } from './controls';
import { Deals, type DealTurn } from './deals';
import { Package } from './package';
import { SetPanel } from './sets';
import { style } from './style';
import { spoken, words } from './words';

/** What the events of the element carry. */
export interface PinDetail {
  broadcast: string;
  pin?: string;
  /** The deal whose card it was, in the place of a pin. */
  deal?: string;
  product: string;
  /** The set that was pinned, where the product was shown as one of it. */
  set?: string;
  variant?: string;
  /** The price as it was seen, signed: checkout honours it. */
  quote?: string;
  /** Microseconds since the broadcast's first frame: the frame that was on the screen. */
  media_time?: number;
  /** The server's name for this visit; orders may carry it. */
  view_session?: string;
}

/** What hawker-deal carries. */
export interface DealDetail {
  broadcast: string;
  deal: string;
  product: string;
  state: DealTurn;
  price: Money;
  /** Units left at this price. */
  left: number;
  /** Microseconds since the broadcast's first frame: from when it is open, and from when it is over. */
  opens: number;
  ends: number;
  media_time?: number;
}

export interface StateDetail {
  state: PlayerState;
  transport?: TransportKind;
}

const none: readonly never[] = [];
const bearerPrefix = /^hk_(ses|tok)_/;

/**
 * <hawker-player broadcast="…"> plays a broadcast on anybody's page and lays its pins over the picture on their frames.
 *
 * package plays an exported video instead, from the address of its video.json: no server is asked for anything.
 *
 * Attributes: src (address of the broadcast's page) or broadcast and base (the server's origin; this module's own by
 * default); token (a viewing token, or a bearer token); lang; controls; autoplay; cart (the page has a cart: cards offer
 * to add to it); transport (whep or hls alone).
 *
 * Events, all bubbling: hawker-state {state, transport}; hawker-impression, hawker-click, hawker-add-to-cart and
 * hawker-checkout with a PinDetail; hawker-deal with a DealDetail, on the frame on which a deal is announced, opens, is
 * taken or ends. hawker-checkout opens our own page to pay there, unless it is cancelled.
 */
export class HawkerPlayer extends HTMLElement {
  static observedAttributes = ['src', 'broadcast', 'package', 'base', 'token', 'lang', 'controls', 'cart', 'transport'];

  private readonly video = document.createElement('video');
  private readonly cards: Cards;
  private readonly deals: Deals;
  private readonly panel: SetPanel;
  private readonly announcer: Announcer;
  private readonly controls: Controls;
  private room: Room | Package | undefined;
  private told = '';
  private shown: readonly Pin[] = [];
  private dealt: readonly Deal[] = none;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.disablePictureInPicture = true;
    this.video.part.add('video');
    root.append(this.video);
    const said = () => words(this.language);
    this.controls = new Controls(root, said, {
      play: () => this.play(),
      unmute: () => (this.room?.view.get().player === 'blocked' ? this.room.unmute() : this.unmute()),
      mute: () => this.mute(),
      choose: (quality) => this.choose(quality),
    });
    const list = root.appendChild(document.createElement('ul'));
    list.className = 'cards';
    const options: CardsOptions = {
      base: this.base,
      tag: () => this.language,
      words: said,
      cart: () => this.hasAttribute('cart'),
      variants: (product) => atDeal(product.variants, dealOf(this.dealt, product.id)),
      onSeen: (pin, product) => this.onSeen(pin, product),
      onBuy: (pin, product, variant) => this.onBuy(this.detail(pin, product, variant)),
      onAdd: (pin, product, variant) => this.onAdd(this.detail(pin, product, variant)),
      onSet: (pin, opener) => this.panel.open(pin, opener),
    };
    this.cards = new Cards(list, options);
    this.panel = new SetPanel(
      root,
      { ...options, load: () => this.room instanceof Room && void this.room.reload() },
      list,
    );
    this.announcer = new Announcer(root, options);
    this.deals = new Deals(list, {
      base: this.base,
      tag: () => this.language,
      words: said,
      mediaTime: () => this.mediaTime,
      onSeen: (deal) => {
        this.room?.impression(deal.product.id);
        this.tell('hawker-impression', this.dealDetail(deal, undefined));
      },
      onBuy: (deal, offer) => this.onBuy(this.dealDetail(deal, offer)),
      onTurn: (deal, state) => this.onTurn(deal, state),
    });
  }

  connectedCallback(): void {
    this.speak();
    this.controls.show(undefined, this.hasAttribute('controls'));
    if (this.hasAttribute('autoplay')) this.play();
    else this.prepare();
  }

  disconnectedCallback(): void {
    this.stop();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) return;
    if (name === 'lang') this.speak();
    else if (name === 'controls' || name === 'cart') this.refresh();
    else if (this.room) {
      this.stop();
      this.play();
    } else this.prepare();
  }

  /** prepare fetches what will be needed for certain. */
  private prepare(): void {
    if (this.getAttribute('transport') === 'hls' || typeof RTCPeerConnection === 'undefined') prepareHls();
  }

  /** play begins to watch. */
  play(): void {
    if (this.room || !this.isConnected) return;
    const folder = this.getAttribute('package');
    if (folder) {
      this.enter(new Package(new URL(folder, this.baseURI).href));
      return;
    }
    const id = this.broadcast;
    if (!id) return;
    const token = this.getAttribute('token') ?? undefined;
    const bearer = token !== undefined && bearerPrefix.test(token);
    this.enter(
      new Room(id, {
        client: clientOf(this.base, bearer ? token : undefined),
        base: this.base,
        token: bearer ? undefined : token,
        source: location.hostname,
        transport: this.getAttribute('transport') ?? undefined,
      }),
    );
  }

  private enter(room: Room | Package): void {
    this.room = room;
    room.view.subscribe(() => room === this.room && this.refresh());
    room.start();
    room.attach(this.video);
    this.refresh();
  }

  /** stop ends watching; nothing is loaded any more. */
  stop(): void {
    this.room?.stop();
    this.room = undefined;
    this.panel.close();
    this.refresh();
  }

  /** unmute must be called from a tap: browsers keep the sound off until then. */
  unmute(): void {
    this.room?.unmute();
  }

  mute(): void {
    this.room?.mute();
  }

  /** choose takes one of the qualities by its name, or leaves the choice to the player. */
  choose(quality: string | undefined): void {
    this.room?.choose(quality);
  }

  get qualities(): readonly Quality[] {
    return this.room?.view.get().qualities ?? [];
  }

  get state(): PlayerState | undefined {
    return this.room?.view.get().player;
  }

  get transport(): TransportKind | undefined {
    return this.room?.view.get().transport;
  }

  /** mediaTime is the frame on the screen, in microseconds since the broadcast's first. */
  get mediaTime(): number | undefined {
    return this.room?.mediaTime;
  }

  /** figures are what is true of the picture now; rates are over the time since the last call. */
  async figures(): Promise<(Figures & { cards: { exact: number; late: number; worst: number } }) | undefined> {
    return this.room?.figures();
  }

  /** broadcast is the one that is played: by its attribute, else the one whose page src is. */
  get broadcast(): string | undefined {
    return this.getAttribute('broadcast') ?? /\/b\/([^/?#]+)/.exec(this.getAttribute('src') ?? '')?.[1];
  }

  /** base is the server's origin. */
  get base(): string {
    const given =
      this.getAttribute('base') ?? (/^https?:/.test(this.getAttribute('src') ?? '') && this.getAttribute('src'));
    return new URL(given || import.meta.url, location.href).origin;
  }

  private get language() {
    const outer = this.closest('[lang]')?.getAttribute('lang') ?? null;
    return spoken(this.getAttribute('lang'), outer);
  }

  private speak(): void {
    for (const element of [...(this.shadowRoot?.children ?? [])] as HTMLElement[]) {
      if (element !== this.video) element.dir = direction(this.language);
    }
    this.cards.again();
    this.panel.again();
    this.deals.again();
    this.refresh();
  }

  /** refresh is called within the rendering of the frame that changed something. */
  private refresh(): void {
    const view = this.room?.view.get();
    const overlay = view && overPicture(view) ? view.overlay : undefined;
    this.lay(overlay?.pins ?? none, overlay?.deals ?? none, !view || view.replay === true || view.rewound === true);
    this.controls.show(view, this.hasAttribute('controls'));
    this.video.dataset['state'] = view?.player;
    this.video.dataset['transport'] = view?.transport;
    const told = view ? `${view.player} ${view.transport}` : '';
    if (told === this.told) return;
    this.told = told;
    if (view) this.tell('hawker-state', { state: view.player, transport: view.transport } satisfies StateDetail);
  }

  /** lay puts the cards over the picture. A product at a deal has the deal's card alone. */
  private lay(pins: readonly Pin[], deals: readonly Deal[], past: boolean): void {
    if (pins === this.shown && deals === this.dealt) return;
    const turned = deals !== this.dealt;
    this.shown = pins;
    this.dealt = deals;
    const single = pins.filter((pin) => pin.set || !dealOf(deals, pin.product.id));
    this.cards.show(single);
    this.panel.show(pins);
    this.announcer.show(single);
    if (!turned) return;
    this.cards.again();
    this.panel.again();
    this.deals.show(deals, past);
  }

  private onSeen(pin: Pin, product: string): void {
    if (this.room?.impression(product, pin.id)) this.tell('hawker-impression', this.detail(pin, product, undefined));
  }

  private onBuy(detail: PinDetail): void {
    this.clicked(detail);
    if (!this.tell('hawker-checkout', detail, true)) return;
    // Payment is on our own page, where the buyer is known: nothing of it is for this page to see.
    const sold = this.room instanceof Package ? this.room.pageOf(detail.pin ?? '') : undefined;
    const page = new URL(sold ?? `/b/${encodeURIComponent(detail.broadcast)}`, this.base);
    if (!sold) page.searchParams.set('buy', detail.product);
    window.open(page.href, '_blank', 'noopener');
  }

  private onAdd(detail: PinDetail): void {
    this.clicked(detail);
    this.tell('hawker-add-to-cart', detail);
  }

  private clicked(detail: PinDetail): void {
    this.room?.click(detail.product, detail.pin, detail.variant);
    this.tell('hawker-click', detail);
  }

  private onTurn(deal: Deal, state: DealTurn): void {
    this.announcer.turn(deal, state);
    const { id, product, price, left, opens, ends } = deal;
    const broadcast = this.room?.id ?? '';
    const detail: DealDetail = { broadcast, deal: id, product: product.id, state, price, left, opens, ends };
    this.tell('hawker-deal', { ...detail, media_time: this.mediaTime });
  }

  private dealDetail(deal: Deal, offer: DealOffer | undefined): PinDetail {
    return { ...this.seenNow(deal.product.id, offer), deal: deal.id };
  }

  private detail(pin: Pin, product: string, variant: PinVariant | undefined): PinDetail {
    return { ...this.seenNow(product, variant), pin: pin.id, set: pin.set?.id };
  }

  private seenNow(product: string, variant: Pick<PinVariant, 'id' | 'quote'> | undefined): PinDetail {
    return {
      broadcast: this.room?.id ?? '',
      product,
      variant: variant?.id,
      quote: variant?.quote,
      media_time: this.mediaTime,
      view_session: this.room?.session,
    };
  }

  private tell(type: string, detail: unknown, cancelable = false): boolean {
    return this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable }));
  }
}

function overPicture(view: RoomView): boolean {
  return view.overlay?.state !== 'ended' || view.replay === true;
}
