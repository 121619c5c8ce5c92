import type { MediaTime, Sales, SalesMinute } from '../../api/types';
import { amountOf } from '../../manage/data';

// The figures of a broadcast's sales: what stands in the tiles, where it tends, and what the chart draws. All pure.

export type TileKey = 'gmv' | 'orders' | 'units' | 'conversion' | 'viewers' | 'aov';

export interface Tile {
  key: TileKey;
  /** Minor units for money, a share for conversion. undefined where it cannot be told: nothing divides by nothing. */
  value: number | undefined;
  trend: number | undefined;
}

export function tilesOf(sales: Sales): Tile[] {
  const gmv = amountOf(sales.gmv);
  return [
    { key: 'gmv', value: gmv, trend: trendOf(sales.minutes, (minute) => amountOf(minute.gmv)) },
    { key: 'orders', value: sales.orders, trend: trendOf(sales.minutes, (minute) => minute.orders) },
    { key: 'units', value: sales.units, trend: trendOf(sales.minutes, (minute) => minute.units) },
    { key: 'conversion', value: ratio(sales.buyers, sales.unique_viewers), trend: undefined },
    { key: 'viewers', value: sales.viewers_now, trend: trendOf(sales.minutes, (minute) => minute.viewers) },
    { key: 'aov', value: ratio(gmv, sales.orders), trend: undefined },
  ];
}

/** ratio is undefined where there is nothing to divide by. */
export function ratio(part: number, whole: number): number | undefined {
  return whole > 0 ? part / whole : undefined;
}

/** How many full minutes are compared with as many before them. */
const trendMinutes = 5;

/** trendOf compares the last five full minutes with the five before: 0.1 is a tenth more. */
export function trendOf(minutes: readonly SalesMinute[], value: (minute: SalesMinute) => number): number | undefined {
  const full = minutes.slice(0, -1); // the last minute is still running
  if (full.length < 2 * trendMinutes) return undefined;
  const sum = (part: readonly SalesMinute[]) => part.reduce((total, minute) => total + value(minute), 0);
  const before = sum(full.slice(-2 * trendMinutes, -trendMinutes));
  return before > 0 ? sum(full.slice(-trendMinutes)) / before - 1 : undefined;
}

/** Minutes in which nothing happened may be missing from the fold; the chart needs every one. */
export function everyMinute(minutes: readonly SalesMinute[], max = 24 * 60): SalesMinute[] {
  const sorted = [...minutes].sort((a, b) => Date.parse(a.minute) - Date.parse(b.minute));
  const filled: SalesMinute[] = [];
  for (const minute of sorted) {
    const last = filled.at(-1);
    if (last) {
      const gap = Math.round((Date.parse(minute.minute) - Date.parse(last.minute)) / 60_000);
      for (let step = 1; step < gap && filled.length < max; step++) {
        filled.push({
          minute: new Date(Date.parse(last.minute) + step * 60_000).toISOString(),
          media_time: last.media_time + step * 60_000_000,
          gmv: 0,
          orders: 0,
          units: 0,
          viewers: last.viewers,
          pins: [],
        });
      }
    }
    if (filled.length < max) filled.push(minute);
  }
  return filled;
}

export interface Band {
  id: string;
  title: string;
  /** Unix seconds. */
  from: number;
  until: number;
}

/** bandsOf places the pins on the chart's axis. A pin that is still on reaches to the end. */
export function bandsOf(sales: Pick<Sales, 'pins' | 'minutes' | 'products'>): Band[] {
  const minutes = everyMinute(sales.minutes);
  const first = minutes[0];
  const last = minutes.at(-1);
  if (!first || !last) return [];
  const titles = titlesOf(sales);
  const end = Date.parse(last.minute) / 1000 + 60;
  return (sales.pins ?? [])
    .map((pin) => ({
      id: pin.id,
      title: pin.set ?? titles.get(pin.product) ?? '',
      from: secondsOf(minutes, pin.from),
      until: pin.until === undefined ? end : Math.min(end, secondsOf(minutes, pin.until)),
    }))
    .filter((band) => band.until > band.from);
}

/** secondsOf says when a media time was on air, by the minute that it falls into. */
function secondsOf(minutes: readonly SalesMinute[], time: MediaTime): number {
  let at = minutes[0]!;
  for (const minute of minutes) if (minute.media_time <= time) at = minute;
  return Date.parse(at.minute) / 1000 + (time - at.media_time) / 1e6;
}

export function titlesOf(sales: Pick<Sales, 'products'>): Map<string, string> {
  return new Map((sales.products ?? []).map((one) => [one.product, one.title]));
}

/** pinTitles names what was pinned in a minute. */
export function pinTitles(sales: Sales, minute: SalesMinute): string[] {
  const titles = titlesOf(sales);
  const pins = new Map((sales.pins ?? []).map((pin) => [pin.id, pin.set ?? titles.get(pin.product) ?? '']));
  return (minute.pins ?? []).map((id) => pins.get(id) ?? '').filter((title) => title !== '');
}

/** Seconds from a minute's beginning to where its bar stands. */
export const halfMinute = 30;

export type Measure = 'gmv' | 'orders';

/** seriesOf gives the chart its columns: the middle of each minute, bars, line. Money is in units of its currency. */
export function seriesOf(
  minutes: readonly SalesMinute[],
  measure: Measure,
  digits: number,
): [number[], number[], number[]] {
  const bars = minutes.map((one) => (measure === 'gmv' ? amountOf(one.gmv) / 10 ** digits : one.orders));
  return [minutes.map((one) => Date.parse(one.minute) / 1000 + halfMinute), bars, minutes.map((one) => one.viewers)];
}

export interface ProductRow {
  id: string;
  title: string;
  impressions: number;
  clicks: number;
  rate: number | undefined;
  orders: number;
  units: number;
  gmv: number;
  available: number;
}

export function productRows(sales: Pick<Sales, 'products'>): ProductRow[] {
  return (sales.products ?? []).map((one) => ({
    id: one.product + (one.variant ?? ''),
    title: one.title,
    impressions: one.impressions,
    clicks: one.clicks,
    rate: ratio(one.clicks, one.impressions),
    orders: one.orders,
    units: one.units,
    gmv: amountOf(one.gmv),
    available: one.available,
  }));
}

export interface Sorting<K> {
  by: K;
  down: boolean;
}

/** sortRows sorts by a column; what is unknown comes last either way, and equal rows keep their order. */
export function sortRows<R extends object, K extends keyof R>(
  rows: readonly R[],
  { by, down }: Sorting<K>,
  tag: string,
): R[] {
  const collator = new Intl.Collator(tag, { numeric: true });
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [a[by], b[by]];
    if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? 1 : -1;
    if (typeof x === 'number' && typeof y === 'number') return sign * (x - y);
    return sign * collator.compare(String(x), String(y));
  });
}
