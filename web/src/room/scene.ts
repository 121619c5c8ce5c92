import type {
  Anchor,
  BroadcastState,
  Deal,
  FeedEvent,
  MediaTime,
  Pin,
  PinVariant,
  ProductCard,
  Scene,
} from '../api/types';

// What lies over the picture, as one viewer sees it: a scene, changed by each event when its frame is shown.

/** Overlay is the part of a scene that events change. */
export interface Overlay {
  state: BroadcastState;
  pins: Pin[];
  bag: ProductCard[];
  /** Deals that are announced or open on the frame that is shown. */
  deals: Deal[];
  viewers: number;
  anchors: Anchor[];
  /** The version of the scene that this began with: pins and bags of older facts are in it already. */
  version: number;
}

/** A scene's pins younger than this are shown with their frame, not at once: the viewer may be behind it. */
const oldMicroseconds = 15_000_000;

/**
 * openScene turns a scene into what is shown at once and the pins that wait for their frame. What is shown already (a
 * scene loaded again after a gap) stays shown.
 */
export function openScene(scene: Scene, shown: readonly Pin[] = []): { overlay: Overlay; waiting: Pin[] } {
  const isShown = new Set(shown.map((pin) => pin.id));
  const atOnce = (pin: Pin) => isShown.has(pin.id) || pin.from <= scene.now - oldMicroseconds;
  return {
    overlay: {
      state: scene.state,
      pins: scene.pins.filter(atOnce),
      bag: scene.bag,
      deals: scene.deals
        .map((deal) => dealOn(deal, scene.now - oldMicroseconds))
        .filter((deal) => deal.state !== 'ended'),
      viewers: scene.viewers,
      anchors: scene.anchors,
      version: scene.version,
    },
    waiting: scene.pins.filter((pin) => !atOnce(pin)),
  };
}

/** isOld tells whether the scene holds the fact already. */
export function isOld(overlay: Overlay, event: FeedEvent): boolean {
  if (event.kind.startsWith('deal.')) return isOldDeal(overlay, event);
  if (!/^(pin|bag)\./.test(event.kind)) return false;
  const version = (event.data as { version?: number }).version;
  return version !== undefined && version <= overlay.version;
}

function isOldDeal({ deals }: Overlay, { kind, data }: FeedEvent): boolean {
  const { deal, number, version } = data as { deal?: string | Deal; number?: number; version?: number };
  const known = deals.find((one) => one.id === (typeof deal === 'string' ? deal : deal?.id));
  if (!known) return false;
  if (number !== undefined) return number < known.number;
  return kind !== 'deal.ended' && version !== undefined && version < known.version;
}

/** dealOn is a deal as it stands on a frame: its three media times say it. */
export function dealOn(deal: Deal, at: MediaTime): Deal {
  const state = at >= deal.ends ? 'ended' : at >= deal.opens ? 'open' : 'announced';
  return state === deal.state ? deal : { ...deal, state };
}

/** dealTurns are the frames on which a deal opens and ends. */
export function dealTurns(deal: Deal): MediaTime[] {
  return [deal.opens, deal.ends];
}

/** turnDeals brings all deals to a frame; what has ended goes. */
export function turnDeals(overlay: Overlay, at: MediaTime): Overlay {
  const deals = overlay.deals.map((deal) => dealOn(deal, at)).filter((deal) => deal.state !== 'ended');
  const same = deals.length === overlay.deals.length && deals.every((deal, n) => deal === overlay.deals[n]);
  return same ? overlay : { ...overlay, deals };
}

/** apply returns the overlay after an event. Kinds and fields that it does not know change nothing. */
export function apply(overlay: Overlay, event: FeedEvent): Overlay {
  const data = (event.data ?? {}) as Record<string, unknown>;
  switch (event.kind) {
    case 'pin.placed':
      return place(overlay, data['pin'] as Pin);
    case 'pin.removed':
      return { ...overlay, pins: overlay.pins.filter((pin) => pin.id !== data['pin']) };
    case 'bag.changed':
      return { ...overlay, bag: (data['bag'] as ProductCard[] | undefined) ?? known(overlay, data['products']) };
    case 'stock.changed':
      return changeVariant(overlay, data['variant'], () => ({ available: Number(data['available']) }));
    case 'stock.out':
      return changeVariant(overlay, data['variant'], () => ({ available: 0 }));
    case 'stock.back':
      return changeVariant(overlay, data['variant'], (was) => ({ available: Math.max(1, was.available) }));
    case 'wait.called':
      return changeVariant(overlay, data['variant'], () => ({ called: Number(data['number']) }));
    case 'price.changed': {
      // The quote was for the price before; without one checkout takes the price of now, which is what is shown. A price
      // that is told again changes nothing.
      const price = data['price'] as PinVariant['price'];
      return changeVariant(overlay, data['variant'], (was) => ({
        price,
        compare_at: data['compare_at'] as PinVariant['compare_at'],
        quote: was.price.amount === price.amount && was.price.currency === price.currency ? was.quote : undefined,
      }));
    }
    case 'deal.announced': {
      const deal = data['deal'] as Deal;
      return { ...overlay, deals: [...overlay.deals.filter((one) => one.id !== deal.id), deal] };
    }
    case 'deal.turn':
      return turnDeals(overlay, event.media_time);
    case 'deal.started':
      return changeDeal(overlay, data['deal'], () => ({ state: 'open', version: Number(data['version']) }));
    case 'deal.ended':
      return { ...overlay, deals: overlay.deals.filter((one) => one.id !== data['deal']) };
    case 'deal.left':
    case 'deal.sold_out':
      return changeDeal(overlay, data['deal'], () => ({ left: Number(data['left']), number: Number(data['number']) }));
    case 'deal.drawn':
      return changeDeal(overlay, data['deal'], () => ({ fair: false, version: Number(data['version']) }));
    case 'viewers.changed':
      return { ...overlay, viewers: Number(data['viewers']) };
    case 'broadcast.started':
    case 'broadcast.resumed':
      return withAnchor({ ...overlay, state: liveOf(overlay.state) }, data);
    case 'broadcast.anchored':
      return withAnchor(overlay, data);
    case 'broadcast.interrupted':
      return { ...overlay, state: 'interrupted' };
    case 'broadcast.ended':
      return { ...overlay, state: 'ended' };
    default:
      return overlay;
  }
}

/** liveOf is a broadcast's state while it has a picture: a rehearsal stays one. */
export function liveOf(state: BroadcastState): BroadcastState {
  return state === 'rehearsal' ? state : 'live';
}

/** lacksCards tells whether an event went without the cards that belong to it: they are in the scene. */
export function lacksCards({ kind, data }: FeedEvent): boolean {
  const { bag, products } = data as { bag?: unknown; products?: string[] };
  return kind === 'bag.changed' && !bag && (products?.length ?? 0) > 0;
}

/** known are those of a bag's products whose cards are here. */
function known({ bag }: Overlay, products: unknown): ProductCard[] {
  const ids = Array.isArray(products) ? (products as string[]) : [];
  return ids.flatMap((id) => bag.find((card) => card.id === id) ?? []);
}

/** keyOf is what lies there at most once: a set, or a product by itself. */
export function keyOf(pin: Pin): string {
  return pin.set?.id ?? pin.product.id;
}

export function place(overlay: Overlay, pin: Pin): Overlay {
  const others = overlay.pins.filter((one) => one.id !== pin.id && keyOf(one) !== keyOf(pin));
  return { ...overlay, pins: [...others, pin] };
}

function changeDeal(overlay: Overlay, id: unknown, change: (was: Deal) => Partial<Deal>): Overlay {
  if (!overlay.deals.some((deal) => deal.id === id)) return overlay;
  return { ...overlay, deals: overlay.deals.map((deal) => (deal.id === id ? { ...deal, ...change(deal) } : deal)) };
}

function changeVariant(overlay: Overlay, variant: unknown, change: (was: PinVariant) => Partial<PinVariant>): Overlay {
  const renew = <T extends { variants: PinVariant[] }>(card: T): T =>
    card.variants.some((one) => one.id === variant)
      ? { ...card, variants: card.variants.map((one) => (one.id === variant ? { ...one, ...change(one) } : one)) }
      : card;
  const renewPin = (pin: Pin): Pin => {
    const { set } = pin;
    if (!set?.products?.some((card) => card.variants.some((one) => one.id === variant))) return renew(pin);
    return renew({ ...pin, set: { ...set, products: set.products.map(renew) } });
  };
  return { ...overlay, pins: overlay.pins.map(renewPin), bag: overlay.bag.map(renew) };
}

function withAnchor(overlay: Overlay, data: Record<string, unknown>): Overlay {
  const { generation, media_time, wall } = data as Partial<Anchor>;
  if (generation === undefined || media_time === undefined || !wall) return overlay;
  const others = overlay.anchors.filter((one) => one.generation !== generation);
  return { ...overlay, anchors: [...others, { generation, media_time, wall }] };
}

/** leavesAtOnce tells which events are not held for their frame: those that tell of the picture itself going away. */
export function leavesAtOnce(event: FeedEvent): boolean {
  return event.kind.startsWith('broadcast.') || event.media_time <= 0;
}

/** onAir tells whether there is, or may be again in a moment, a picture of now. */
export function onAir({ state }: Overlay): boolean {
  return state === 'live' || state === 'interrupted' || state === 'rehearsal';
}

/** placed is a pin of a scene as the event that will show it with its frame. */
export function placed(pin: Pin, scene: Scene): FeedEvent {
  return { id: '', kind: 'scene.pin', v: 1, media_time: pin.from, at: 0, data: { ...pin, version: scene.version } };
}
