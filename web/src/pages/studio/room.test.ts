import { describe, expect, test } from 'vitest';
import type { Pin, Product, Scene } from '../../api/types';
import { advance, aheadOf, armedOf, boundsOf, fromScene, isOn, latencyOf, moved, narrowed } from './room';
import { onOf, runOf, stockNow, unknownBounds, wallOf, withPin, type Room } from './room';
import { rowAt } from './Order';

const price = { amount: 2900, currency: 'EUR' };
const product = (id: string, ...available: number[]): Product => ({
  id,
  title: id,
  price,
  kind: 'goods',
  state: 'active',
  variants: available.map((n, i) => ({ id: `${id}${i}`, title: '', price, available: n })),
});
const pin = (id: string, of: string): Pin => ({
  id,
  product: { id: of, title: of, kind: 'goods' },
  variants: [{ id: `${of}0`, title: '', price, available: 3 }],
  from: 10,
});
const room: Room = { state: 'live', viewers: 0, pins: [], anchors: [], stock: {} };

describe('advance', () => {
  test('a pin is placed once, however often it is told', () => {
    const event = { kind: 'pin.placed', data: { pin: pin('1', 'a'), version: 2 } };
    const after = advance(advance(room, event), event);
    expect(after.pins.map((one) => one.id)).toEqual(['1']);
    expect(after.stock).toEqual({ a0: 3 });
  });
  test('a removed pin is gone, another stays', () => {
    let after = advance(room, { kind: 'pin.placed', data: { pin: pin('1', 'a') } });
    after = advance(after, { kind: 'pin.placed', data: { pin: pin('2', 'b') } });
    after = advance(after, { kind: 'pin.removed', data: { pin: '1', product: 'a', until: 20 } });
    expect(after.pins.map((one) => one.id)).toEqual(['2']);
  });
  test('a rehearsal stays one when its picture comes, and is led from then on', () => {
    const before: Room = { ...room, state: 'rehearsal' };
    expect(isOn(before)).toBe(false);
    const wall = '2026-11-20T12:00:00Z';
    const after = advance(before, { kind: 'broadcast.started', data: { generation: 1, media_time: 0, wall } });
    expect(after.state).toBe('rehearsal');
    expect(isOn(after)).toBe(true);
    expect(isOn(advance(after, { kind: 'broadcast.ended', data: {} }))).toBe(false);
  });
  test('stock, viewers and states follow', () => {
    let after = advance(room, { kind: 'stock.changed', data: { variant: 'x', available: 4 } });
    after = advance(after, { kind: 'stock.out', data: { variant: 'y' } });
    after = advance(after, { kind: 'viewers.changed', data: { viewers: 12 } });
    after = advance(after, { kind: 'broadcast.interrupted', data: {} });
    expect(after).toMatchObject({ stock: { x: 4, y: 0 }, viewers: 12, state: 'interrupted' });
    after = advance(after, {
      kind: 'broadcast.resumed',
      data: { generation: 2, media_time: 5, wall: '2026-01-01T00:00:00Z' },
    });
    expect(after.state).toBe('live');
    expect(after.anchors).toHaveLength(1);
  });
  test('a set lies beside a pin of its first product, and once', () => {
    const set = { ...pin('2', 'a'), set: { id: 's', name: 'Lights', count: 2 } };
    const after = withPin(withPin(withPin(room, pin('1', 'a')), set), { ...set, id: '3' });
    expect(after.pins.map((one) => one.id)).toEqual(['1', '3']);
    expect(onOf(after.pins)).toEqual(['a']);
  });
  test('what it does not know changes nothing', () => {
    expect(advance(room, { kind: 'x.disco', data: null })).toBe(room);
  });
  test('a scene leaves out pins that are over', () => {
    const scene = { state: 'live', viewers: 3, bag: [], anchors: [], pins: [{ ...pin('1', 'a'), until: 11 }] };
    expect(fromScene(scene as unknown as Scene).pins).toEqual([]);
  });
});

describe('the run', () => {
  const a = product('a', 1);
  const b = product('b', 0);
  const c = product('c', 2, 3);
  test('follows the bag, and is everything on sale without one', () => {
    expect(runOf([a, b, c], ['c', 'gone', 'a'])).toEqual([c, a]);
    expect(runOf([a, { ...b, state: 'archived' }, c], [])).toEqual([a, c]);
  });
  test('arms what comes next and leaves out what is sold out', () => {
    expect(armedOf([a, b, c], [], undefined, {})).toBe('a');
    expect(armedOf([a, b, c], ['a'], undefined, {})).toBe('c');
    expect(armedOf([a, b, c], ['c'], undefined, {})).toBe('a');
    expect(armedOf([a], ['a'], undefined, {})).toBeUndefined();
    expect(armedOf([], [], undefined, {})).toBeUndefined();
  });
  test('arms what was chosen, unless that is on already', () => {
    expect(armedOf([a, b, c], ['a'], 'b', {})).toBe('b');
    expect(armedOf([a, b, c], ['a'], 'a', {})).toBe('c');
  });
  test('leaves out all that is on', () => {
    expect(armedOf([a, c, product('d', 1)], ['c', 'a'], undefined, {})).toBe('d');
    expect(armedOf([a, c], ['c', 'a'], 'c', {})).toBeUndefined();
  });
  test('a row is dragged to the one that the pointer is over', () => {
    const rows = [0, 50, 100].map((top) => ({ top, bottom: top + 50 }));
    expect([-20, 10, 60, 149, 400].map((y) => rowAt(rows, y))).toEqual([0, 0, 1, 2, 2]);
  });
  test('counts by what the feed said last', () => {
    expect(stockNow(c, {})).toBe(5);
    expect(stockNow(c, { c0: 0, c1: -1 })).toBe(0);
  });
  test('moves an item', () => {
    expect(moved(['a', 'b', 'c'], 0, 2)).toEqual(['b', 'c', 'a']);
    expect(moved(['a', 'b'], 1, 2)).toEqual(['a', 'b']);
  });
});

describe('the clock', () => {
  const anchors = [
    { generation: 1, media_time: 0, wall: '2026-01-01T00:00:00.000Z' },
    { generation: 2, media_time: 60_000_000, wall: '2026-01-01T00:02:00.000Z' },
  ];
  const start = Date.parse('2026-01-01T00:00:00Z');
  test('a media time has its wall by its own anchor', () => {
    expect(wallOf(anchors, 59_000_000)).toBe(start + 59_000);
    expect(wallOf(anchors, 61_000_000)).toBe(start + 121_000);
    expect(wallOf([], 1)).toBeUndefined();
  });
  test('answers with whole seconds narrow the server’s clock', () => {
    const ahead = 250; // what is to be found
    let bounds = unknownBounds;
    expect(aheadOf(bounds)).toBeUndefined();
    for (let n = 0; n < 8; n++) {
      const asked = start + n * 333;
      const date = new Date(Math.floor((asked + 10 + ahead) / 1000) * 1000).toUTCString();
      const { low, high } = boundsOf(date, asked, asked + 20);
      bounds = narrowed(bounds, low, high);
    }
    expect(Math.abs(aheadOf(bounds)! - ahead)).toBeLessThan(200);
    expect(boundsOf(null, 1, 2)).toEqual(unknownBounds);
  });
  test('an event that has just been made is a lower bound', () => {
    expect(narrowed({ low: 0, high: 400 }, 240)).toEqual({ low: 240, high: 400 });
  });
  test('a clock that was set makes the old bounds worthless', () => {
    expect(narrowed({ low: 0, high: 400 }, 5000, 6000)).toEqual({ low: 5000, high: 6000 });
  });
  test('latency is told in the server’s clock', () => {
    const ahead = 20_900;
    expect(latencyOf(anchors, 60_500_000, start + 100_100, ahead)).toBe(500);
    expect(latencyOf(anchors, undefined, start, ahead)).toBeUndefined();
    expect(latencyOf(anchors, 70_000_000, start + 100_100, ahead)).toBe(0);
  });
});
