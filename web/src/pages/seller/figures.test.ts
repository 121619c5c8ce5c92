import { describe, expect, test } from 'vitest';
import type { Sales, SalesMinute } from '../../api/types';
import { bandsOf, everyMinute, pinTitles, ratio, seriesOf, sortRows, tilesOf, trendOf } from './figures';

const start = Date.parse('2026-01-01T10:00:00Z');
const minute = (at: number, gmv = 0, pins: string[] = []): SalesMinute => ({
  minute: new Date(start + at * 60_000).toISOString(),
  media_time: at * 60_000_000,
  gmv,
  orders: gmv / 100,
  units: 1,
  viewers: 10 + at,
  pins,
});
const sales = (more: Partial<Sales>): Sales =>
  ({
    gmv: 0,
    orders: 0,
    units: 0,
    buyers: 0,
    unique_viewers: 0,
    viewers_now: 0,
    minutes: [],
    products: [],
    pins: [],
    ...more,
  }) as Sales;

describe('tiles', () => {
  test('nothing divides by nothing', () => {
    const tiles = tilesOf(sales({}));
    expect(tiles.find((one) => one.key === 'aov')?.value).toBeUndefined();
    expect(tiles.find((one) => one.key === 'conversion')?.value).toBeUndefined();
    expect(ratio(1, 0)).toBeUndefined();
  });
  test('conversion is buyers of unique viewers, AOV is GMV of orders', () => {
    const tiles = tilesOf(sales({ gmv: { amount: 3000, currency: 'EUR' }, orders: 2, buyers: 1, unique_viewers: 4 }));
    expect(tiles.find((one) => one.key === 'aov')?.value).toBe(1500);
    expect(tiles.find((one) => one.key === 'conversion')?.value).toBe(0.25);
  });
  test('the trend leaves the running minute out, and needs ten full ones', () => {
    const minutes = [...Array(10).keys()].map((at) => minute(at, at < 5 ? 100 : 150));
    expect(trendOf([...minutes, minute(10, 9999)], (one) => Number(one.gmv))).toBeCloseTo(0.5);
    expect(trendOf(minutes, (one) => Number(one.gmv))).toBeUndefined();
  });
});

describe('the chart', () => {
  test('missing minutes are filled', () => {
    const filled = everyMinute([minute(3, 5), minute(0, 7)]);
    expect(filled.map((one) => one.media_time / 60e6)).toEqual([0, 1, 2, 3]);
    expect(filled.map((one) => one.gmv)).toEqual([7, 0, 0, 5]);
    expect(filled[1]!.viewers).toBe(10);
  });
  test('a hole of days does not fill the memory', () => {
    expect(everyMinute([minute(0), minute(1_000_000)], 100)).toHaveLength(100);
  });
  test('pins are bands; an open one reaches to the end', () => {
    const bands = bandsOf(
      sales({
        minutes: [minute(0), minute(1), minute(2)],
        products: [{ product: 'a', title: 'Linen shirt' }] as Sales['products'],
        pins: [
          { id: '1', product: 'a', from: 30e6, until: 60e6, gmv: 0 },
          { id: '2', product: 'b', from: 90e6, gmv: 0 },
          { id: '3', product: 'b', from: 90e6, until: 90e6, gmv: 0 },
        ],
      }),
    );
    expect(bands).toEqual([
      { id: '1', title: 'Linen shirt', from: start / 1000 + 30, until: start / 1000 + 60 },
      { id: '2', title: '', from: start / 1000 + 90, until: start / 1000 + 180 },
    ]);
    expect(bandsOf(sales({ pins: [{ id: '1', product: 'a', from: 0, gmv: 0 }] }))).toEqual([]);
  });
  test('a minute names its pins', () => {
    const one = sales({
      products: [{ product: 'a', title: 'Linen shirt' }] as Sales['products'],
      pins: [
        { id: '1', product: 'a', from: 0, gmv: 0 },
        { id: '2', product: 'a', set: 'Summer', from: 0, gmv: 0 },
      ],
    });
    expect(pinTitles(one, minute(0, 0, ['1', '2', 'unknown']))).toEqual(['Linen shirt', 'Summer']);
  });
  test('columns are in units of the currency', () => {
    expect(seriesOf([minute(0, 2900)], 'gmv', 2)).toEqual([[start / 1000 + 30], [29], [10]]);
    expect(seriesOf([minute(0, 2900)], 'orders', 2)[1]).toEqual([29]);
  });
});

test('rows are sorted by figure and by name; the unknown comes last', () => {
  const rows = [
    { title: 'b 10', rate: undefined },
    { title: 'b 9', rate: 0.2 },
    { title: 'a', rate: 0.5 },
  ];
  const titles = (by: 'title' | 'rate', down: boolean) => sortRows(rows, { by, down }, 'en').map((row) => row.title);
  expect(titles('rate', true)).toEqual(['a', 'b 9', 'b 10']);
  expect(titles('rate', false)).toEqual(['b 9', 'a', 'b 10']);
  expect(titles('title', false)).toEqual(['a', 'b 9', 'b 10']);
});
