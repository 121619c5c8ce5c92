import type { Anchor, BroadcastState, FeedEvent, MediaTime, Pin, Product, Scene } from '../../api/types';
import { keyOf, liveOf } from '../../room/scene';

export { keyOf };

// What the studio knows of a broadcast, and how an event changes it. All of it is pure.

export interface Room {
  state: BroadcastState;
  viewers: number;
  /** What is pinned now, oldest first. */
  pins: Pin[];
  anchors: Anchor[];
  /** Newest stock count per variant that the feed told of. */
  stock: Record<string, number>;
}

export function fromScene(scene: Scene): Room {
  const stock: Record<string, number> = {};
  const sets = (scene.pins ?? []).flatMap((pin) => pin.set?.products ?? []);
  for (const one of [...(scene.bag ?? []), ...sets, ...(scene.pins ?? [])]) {
    for (const variant of one.variants ?? []) stock[variant.id] = variant.available;
  }
  return {
    state: scene.state,
    viewers: scene.viewers ?? 0,
    pins: (scene.pins ?? []).filter((pin) => pin.until === undefined),
    anchors: scene.anchors ?? [],
    stock,
  };
}

/** advance gives the room after an event. Kinds that it does not know leave it as it is. */
export function advance(room: Room, event: Pick<FeedEvent, 'kind' | 'data'>): Room {
  const data = (event.data ?? {}) as Record<string, unknown>;
  switch (event.kind) {
    case 'pin.placed':
      return withPin(room, data['pin'] as Pin);
    case 'pin.removed':
      return { ...room, pins: room.pins.filter((pin) => pin.id !== data['pin']) };
    case 'stock.changed':
      return withStock(room, String(data['variant']), Number(data['available']));
    case 'stock.out':
      return withStock(room, String(data['variant']), 0);
    case 'viewers.changed':
      return { ...room, viewers: Number(data['viewers']) || 0 };
    case 'broadcast.started':
    case 'broadcast.resumed':
    case 'broadcast.anchored':
      return { ...room, state: liveOf(room.state), anchors: withAnchor(room.anchors, data) };
    case 'broadcast.interrupted':
      return { ...room, state: 'interrupted' };
    case 'broadcast.ended':
      return { ...room, state: 'ended' };
    default:
      return room;
  }
}

/** isOn tells whether it is led: it is on air, or a rehearsal whose picture has come. */
export function isOn(room: Pick<Room, 'state' | 'anchors'> | undefined): boolean {
  if (room?.state === 'rehearsal') return room.anchors.length > 0;
  return room?.state === 'live' || room?.state === 'interrupted';
}

export function withPin(room: Room, pin: Pin): Room {
  const stock = { ...room.stock };
  for (const variant of pin.variants ?? []) stock[variant.id] = variant.available;
  return { ...room, stock, pins: [...room.pins.filter((one) => one.id !== pin.id && keyOf(one) !== keyOf(pin)), pin] };
}

function withStock(room: Room, variant: string, available: number): Room {
  return { ...room, stock: { ...room.stock, [variant]: available } };
}

function withAnchor(anchors: Anchor[], data: Record<string, unknown>): Anchor[] {
  const generation = Number(data['generation']);
  const wall = String(data['wall'] ?? '');
  if (!generation || Number.isNaN(Date.parse(wall))) return anchors;
  const anchor = { generation, media_time: Number(data['media_time']) || 0, wall };
  return [...anchors.filter((one) => one.generation !== generation), anchor].sort(
    (a, b) => a.generation - b.generation,
  );
}

/** onOf are the products that lie over the picture by themselves. */
export function onOf(pins: readonly Pin[]): string[] {
  return pins.flatMap((pin) => (pin.set ? [] : [pin.product.id]));
}

/** stockNow is how many of a product are left, by the newest counts. */
export function stockNow(product: Product, stock: Record<string, number>): number {
  return product.variants.reduce((sum, one) => sum + Math.max(0, stock[one.id] ?? one.available), 0);
}

/** The run: the products of the broadcast's bag in its order, or everything on sale where no run was made. */
export function runOf(products: readonly Product[], bag: readonly string[]): Product[] {
  const byID = new Map(products.map((product) => [product.id, product]));
  const chosen = bag.flatMap((id) => byID.get(id) ?? []);
  return chosen.length > 0 ? chosen : products.filter((product) => product.state === 'active');
}

/**
 * armedOf says which product the space bar pins: the chosen one, else the one after the product that is on, leaving out
 * what is sold out. undefined where there is none.
 */
export function armedOf(
  run: readonly Product[],
  pinned: readonly string[],
  chosen: string | undefined,
  stock: Record<string, number>,
): string | undefined {
  if (chosen && !pinned.includes(chosen) && run.some((product) => product.id === chosen)) return chosen;
  const at = run.findIndex((product) => product.id === pinned.at(-1));
  for (let step = 1; step <= run.length; step++) {
    const next = run[(at + step) % run.length]!;
    if (!pinned.includes(next.id) && stockNow(next, stock) > 0) return next.id;
  }
  return undefined;
}

/** moved puts the item at one place to another. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list];
  if (from < 0 || from >= next.length || to < 0 || to >= next.length) return next;
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}

/** wallOf is when a media time was on air, in Unix milliseconds, by the newest anchor at or before it. */
export function wallOf(anchors: readonly Anchor[], time: MediaTime): number | undefined {
  let best: Anchor | undefined;
  for (const anchor of anchors) {
    if (anchor.media_time <= time && (!best || anchor.media_time >= best.media_time)) best = anchor;
  }
  best ??= anchors[0];
  if (!best) return undefined;
  return Date.parse(best.wall) + (time - best.media_time) / 1000;
}

/** Bounds hold by how many milliseconds the server's clock is ahead of ours: at least, and at most. */
export interface Bounds {
  low: number;
  high: number;
}

export const unknownBounds: Bounds = { low: -Infinity, high: Infinity };

/** narrowed takes what one message told. Where it contradicts what was known, a clock was set: only the new one holds. */
export function narrowed(bounds: Bounds, low: number, high = Infinity): Bounds {
  const next = { low: Math.max(bounds.low, low), high: Math.min(bounds.high, high) };
  return next.low <= next.high ? next : { low, high };
}

/**
 * boundsOf reads the Date of an answer, which is cut to the second, between asking and reading it: each answer says a
 * little, a few together say it to a tenth of a second.
 */
export function boundsOf(date: string | null, asked: number, read: number): Bounds {
  const second = Date.parse(date ?? '');
  if (Number.isNaN(second)) return unknownBounds;
  return { low: second - read, high: second + 1000 - asked };
}

/** How far apart the bounds may be for a delay to be worth showing. */
const boundsApartMax = 400;

/** aheadOf is the middle of the bounds, once they are near enough. */
export function aheadOf(bounds: Bounds): number | undefined {
  return bounds.high - bounds.low <= boundsApartMax ? (bounds.low + bounds.high) / 2 : undefined;
}

/** latencyOf is how old the frame is that is on screen, in milliseconds; never below 0. */
export function latencyOf(
  anchors: readonly Anchor[],
  shown: MediaTime | undefined,
  now: number,
  ahead: number,
): number | undefined {
  if (shown === undefined) return undefined;
  const wall = wallOf(anchors, shown);
  return wall === undefined ? undefined : Math.max(0, now + ahead - wall);
}
