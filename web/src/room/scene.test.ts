import { describe, expect, test } from 'vitest';
import type { FeedEvent, Pin, Scene } from '../api/types';
import { apply, isOld, lacksCards, leavesAtOnce, openScene, type Overlay } from './scene';

const eur = (amount: number) => ({ amount, currency: 'EUR' });

function pin(id: string, from: number, product = `product-${id}`): Pin {
  const variants = [{ id: `variant-${id}`, title: 'M', price: eur(2900), available: 12, quote: 'q' }];
  return { id, product: { id: product, title: id, kind: 'goods' }, variants, from };
}

function scene(more: Partial<Scene>): Scene {
  return {
    position: 'e:1',
    state: 'live',
    anchors: [],
    now: 100_000_000,
    pins: [],
    bag: [],
    deals: [],
    viewers: 3,
    version: 7,
    broadcast: {} as Scene['broadcast'],
    ...more,
  };
}

const event = (kind: string, data: unknown, media_time = 0): FeedEvent => ({
  id: 'x',
  kind,
  v: 1,
  media_time,
  at: 0,
  data,
});
const empty = (): Overlay => openScene(scene({})).overlay;

describe('openScene', () => {
  test('pins that every viewer has passed are shown at once, young ones wait for their frame', () => {
    const opened = openScene(scene({ pins: [pin('old', 1_000_000), pin('young', 99_000_000)] }));
    expect(opened.overlay.pins.map((p) => p.id)).toEqual(['old']);
    expect(opened.waiting.map((p) => p.id)).toEqual(['young']);
  });
  test('what is shown stays shown, what is gone goes', () => {
    const opened = openScene(scene({ pins: [pin('b', 99_000_000)] }), [pin('a', 1), pin('b', 99_000_000)]);
    expect(opened.overlay.pins.map((p) => p.id)).toEqual(['b']);
    expect(opened.waiting).toEqual([]);
  });
});

describe('apply', () => {
  test('a pin comes and goes', () => {
    let overlay = apply(empty(), event('pin.placed', { pin: pin('a', 5), version: 8 }));
    expect(overlay.pins.map((p) => p.id)).toEqual(['a']);
    overlay = apply(overlay, event('pin.removed', { pin: 'a', product: 'product-a', until: 9, version: 9 }));
    expect(overlay.pins).toEqual([]);
  });
  test('a set lies beside its first product, and its stock is told', () => {
    const card = (id: string) => ({ id, title: id, price: eur(2900), variants: pin(id, 0).variants });
    const set = {
      ...pin('s', 5, 'product-a'),
      set: { id: 'set', name: 'Lights', count: 2, products: [card('a'), card('b')] },
    };
    let overlay = apply(empty(), event('pin.placed', { pin: pin('a', 5), version: 8 }));
    overlay = apply(overlay, event('pin.placed', { pin: set, version: 9 }));
    expect(overlay.pins.map((p) => p.id)).toEqual(['a', 's']);
    overlay = apply(overlay, event('stock.out', { variant: 'variant-b' }));
    expect(overlay.pins[1]!.set!.products!.map((p) => p.variants[0]!.available)).toEqual([12, 0]);
    overlay = apply(overlay, event('stock.changed', { variant: 'variant-a', available: 3 }));
    expect(overlay.pins[0]!.variants[0]!.available).toBe(3);
    expect(overlay.pins[1]!.set!.products![0]!.variants[0]!.available).toBe(3);
  });
  test('a bag that comes without its cards keeps those that are known', () => {
    const card = (id: string) => ({ id, title: id, price: eur(2900), variants: [] });
    const short = event('bag.changed', { products: ['b', 'c', 'a'], version: 8 });
    const overlay = apply({ ...empty(), bag: [card('a'), card('b')] }, short);
    expect(overlay.bag.map((one) => one.id)).toEqual(['b', 'a']);
    expect(lacksCards(short)).toBe(true);
    expect(lacksCards(event('bag.changed', { products: [], version: 9 }))).toBe(false);
    expect(lacksCards(event('bag.changed', { products: ['a'], bag: [card('a')] }))).toBe(false);
  });
  test('a pin told twice is there once', () => {
    const placed = event('pin.placed', { pin: pin('a', 5), version: 8 });
    expect(apply(apply(empty(), placed), placed).pins).toHaveLength(1);
  });
  test('stock changes in pins and bag', () => {
    const card = { ...pin('a', 5).product, price: eur(2900), variants: pin('a', 5).variants };
    let overlay = openScene(scene({ pins: [pin('a', 5)], bag: [card] })).overlay;
    overlay = apply(overlay, event('stock.changed', { variant: 'variant-a', product: 'product-a', available: 3 }));
    expect([overlay.pins[0]!.variants[0]!.available, overlay.bag[0]!.variants[0]!.available]).toEqual([3, 3]);
    overlay = apply(overlay, event('stock.out', { variant: 'variant-a' }));
    expect(overlay.pins[0]!.variants[0]!.available).toBe(0);
    overlay = apply(overlay, event('stock.back', { variant: 'variant-a' }));
    expect(overlay.pins[0]!.variants[0]!.available).toBe(1);
    overlay = apply(overlay, event('wait.called', { variant: 'variant-a', number: 12 }));
    expect(overlay.pins[0]!.variants[0]!.called).toBe(12);
  });
  test('a new price takes the old quote away', () => {
    let overlay = openScene(scene({ pins: [pin('a', 5)] })).overlay;
    overlay = apply(overlay, event('price.changed', { variant: 'variant-a', price: eur(2500), compare_at: eur(2900) }));
    expect(overlay.pins[0]!.variants[0]).toMatchObject({ price: eur(2500), compare_at: eur(2900), quote: undefined });
    const quoted = {
      ...overlay,
      pins: overlay.pins.map((pin) => ({ ...pin, variants: pin.variants.map((one) => ({ ...one, quote: 'q' })) })),
    };
    const again = apply(quoted, event('price.changed', { variant: 'variant-a', price: eur(2500) }));
    expect(again.pins[0]!.variants[0]).toMatchObject({ price: eur(2500), quote: 'q' });
  });
  test('the broadcast lives', () => {
    let overlay = apply(empty(), event('broadcast.interrupted', {}));
    expect(overlay.state).toBe('interrupted');
    const wall = '2026-11-20T10:01:01.000000Z';
    overlay = apply(overlay, event('broadcast.resumed', { generation: 2, media_time: 61_000_000, wall }));
    expect(overlay.state).toBe('live');
    expect(overlay.anchors).toEqual([{ generation: 2, media_time: 61_000_000, wall }]);
    expect(apply(overlay, event('broadcast.ended', {})).state).toBe('ended');
    expect(apply({ ...overlay, state: 'rehearsal' }, event('broadcast.started', {})).state).toBe('rehearsal');
  });
  test("an unknown kind and an integrator's own change nothing", () => {
    const overlay = empty();
    expect(apply(overlay, event('x.confetti', { n: 1 }))).toBe(overlay);
    expect(apply(overlay, event('deal.opened', {}))).toBe(overlay);
  });
});

test('facts that the scene holds already are old', () => {
  expect(isOld(empty(), event('pin.placed', { version: 7 }))).toBe(true);
  expect(isOld(empty(), event('pin.placed', { version: 8 }))).toBe(false);
  expect(isOld(empty(), event('stock.changed', {}))).toBe(false);
});

test('what tells of the picture itself is not held for a frame', () => {
  expect(leavesAtOnce(event('broadcast.interrupted', {}, 5))).toBe(true);
  expect(leavesAtOnce(event('viewers.changed', {}, 0))).toBe(true);
  expect(leavesAtOnce(event('pin.placed', {}, 5))).toBe(false);
});
