import { afterEach, describe, expect, test, vi } from 'vitest';
import { minorUnits, money } from '../i18n/format';
import { orderNumber, retryDelay, submit } from './checkout';
import { asMoney, priceRange, stockLevel } from './money';

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const variant = (id: string, amount: number, available: number, before?: number) => ({
  id,
  title: id,
  price: eur(amount),
  available,
  compare_at: before === undefined ? undefined : eur(before),
});

describe('priceRange', () => {
  test('is the cheapest that can be had', () => {
    const range = priceRange([variant('s', 2000, 0), variant('m', 2900, 3, 3900), variant('l', 3100, 3)]);
    expect(range).toEqual({ price: eur(2900), compareAt: eur(3900), from: true });
  });
  test('a price before that is no higher is not shown', () => {
    expect(priceRange([variant('m', 2900, 3, 2900)])).toEqual({ price: eur(2900), compareAt: undefined, from: false });
  });
  test('all sold: the cheapest of all', () => {
    expect(priceRange([variant('s', 2000, 0), variant('m', 2900, 0)])?.price).toEqual(eur(2000));
    expect(priceRange([])).toBeUndefined();
  });
});

describe('stockLevel', () => {
  test('is low under twenty pieces and under a fifth of what was seen', () => {
    expect(stockLevel([{ available: 12 }, { available: 3 }], 15)).toEqual({ available: 15, low: true, part: 0.75 });
    expect(stockLevel([{ available: 180 }], 1000)).toEqual({ available: 180, low: true, part: 0.18 });
    expect(stockLevel([{ available: 300 }], 1000).low).toBe(false);
  });
});

describe('money', () => {
  test('is written by the language, in the digits of the currency', () => {
    expect(money(eur(2900), 'en')).toBe('€29.00');
    expect(money({ amount: 2900, currency: 'JPY' }, 'en')).toBe('¥2,900');
    expect(money({ amount: 2900, currency: 'KWD' }, 'en').replace(/\s/g, ' ')).toBe('KWD 2.900');
    expect(money(eur(123450), 'de').replace(/\s/g, ' ')).toBe('1.234,50 €');
  });
  test('is read as people type it', () => {
    expect(minorUnits('29', 'EUR')).toBe(2900);
    expect(minorUnits(' 29,9 ', 'EUR')).toBe(2990);
    expect(minorUnits('29.90', 'EUR')).toBe(2990);
    expect(minorUnits('29.905', 'EUR')).toBeUndefined();
    expect(minorUnits('29.5', 'JPY')).toBeUndefined();
    expect(minorUnits('-1', 'EUR')).toBeUndefined();
  });
  test('comes with or beside its currency', () => {
    expect(asMoney(5, 'EUR')).toEqual(eur(5));
    expect(asMoney(eur(5), 'USD')).toEqual(eur(5));
  });
});

describe('submit', () => {
  afterEach(() => vi.unstubAllGlobals());
  const request = { lines: [{ variant: 'v', quantity: 1 }], instrument: 'i' };
  const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });

  function server(...answers: (() => Response | Promise<Response>)[]) {
    const fetch = vi.fn((_url: string, _init: RequestInit) => Promise.resolve(answers.shift()!()));
    vi.stubGlobal('fetch', fetch);
    return fetch;
  }
  const run = (waits: number[] = []) =>
    submit(request, 'key-1', {
      wait: (ms) => {
        waits.push(ms);
        return Promise.resolve();
      },
      random: () => 1,
    });

  test('asks again with the same key until there is an answer', async () => {
    const fetch = server(
      () => Promise.reject(new TypeError('network')),
      () => answer(503, {}, { 'Retry-After': '2' }),
      () => answer(409, { code: 'key-in-use' }),
      () => answer(201, { order_id: 'o1', state: 'paid' }),
    );
    const waits: number[] = [];
    expect(await run(waits)).toEqual({ kind: 'placed', placed: { order: 'o1', state: 'paid', bank: undefined } });
    expect(waits).toEqual([250, 3000, 1000]);
    const keys = fetch.mock.calls.map(([, init]) => (init.headers as Record<string, string>)['Idempotency-Key']);
    expect(keys).toEqual(['key-1', 'key-1', 'key-1', 'key-1']);
  });
  test('tells the end of each refusal', async () => {
    server(() => answer(409, { code: 'sold-out' }));
    expect((await run()).kind).toBe('sold-out');
    server(() => answer(422, { code: 'limited', detail: 'two each' }));
    expect(await run()).toEqual({ kind: 'refused', code: 'limited', text: 'two each' });
    server(() => answer(401, {}));
    expect((await run()).kind).toBe('failed');
  });
  test('gives up after a while, to be tried again by hand', async () => {
    const fetch = server(...Array.from({ length: 20 }, () => () => answer(503, {})));
    expect((await run()).kind).toBe('failed');
    expect(fetch).toHaveBeenCalledTimes(8);
  });
  test('waits in the queue, and buys with the place when it is its turn', async () => {
    const queue = { place: 'hp1.x', state: 'waiting', position: 7, estimate_seconds: 3 };
    const fetch = server(
      () => answer(503, { code: 'queued', queue }, { 'Retry-After': '1' }),
      () => answer(200, { ...queue, position: 3 }),
      () => answer(503, {}),
      () => answer(200, { ...queue, state: 'turn', position: 0 }),
      () => answer(201, { order_id: 'o1', state: 'paid' }),
    );
    const seen: unknown[] = [];
    const outcome = await submit(request, 'key-1', {
      wait: () => Promise.resolve(),
      random: () => 0,
      onQueue: (q) => seen.push(q?.position),
    });
    expect(outcome).toMatchObject({ kind: 'placed', placed: { order: 'o1' } });
    expect(seen).toEqual([7, 3, 3, 0, undefined]);
    const bought = fetch.mock.calls
      .filter(([url]) => url === '/v1/checkout')
      .map(([, init]) => JSON.parse(String(init.body)));
    expect(bought).toEqual([request, { ...request, place: 'hp1.x' }]);
  });
  test('leaves the queue when what it waits for is sold out, and begins anew when the place is over', async () => {
    const queue = { place: 'hp1.x', state: 'waiting', position: 7, estimate_seconds: 3 };
    const options = { wait: () => Promise.resolve(), random: () => 0 };
    server(
      () => answer(503, { code: 'queued', queue }),
      () => answer(200, { ...queue, state: 'sold_out' }),
    );
    expect((await submit(request, 'k', options)).kind).toBe('sold-out');
    const fetch = server(() => answer(503, { code: 'queued', queue }));
    expect((await submit(request, 'k', { ...options, soldOut: () => true })).kind).toBe('sold-out');
    expect(fetch).toHaveBeenCalledTimes(1);
    server(
      () => answer(503, { code: 'queued', queue }),
      () => answer(410, { code: 'place-over' }),
      () => answer(201, { order_id: 'o2', state: 'paid' }),
    );
    expect(await submit(request, 'k', options)).toMatchObject({ placed: { order: 'o2' } });
  });
  test('asks again at once after an answer that was held back, and pauses after one that was not', async () => {
    const queue = { place: 'hp1.x', state: 'waiting', position: 7, estimate_seconds: 3 };
    let clock = 0;
    const held = (body: object) => () => {
      clock += 3000;
      return answer(200, body);
    };
    const fetch = server(
      () => answer(503, { code: 'queued', queue }),
      held(queue),
      held(queue),
      () => answer(200, queue),
      () => answer(200, { ...queue, state: 'sold_out' }),
    );
    const pauses: number[] = [];
    const wait = (ms: number) => {
      pauses.push(ms);
      return Promise.resolve();
    };
    expect((await submit(request, 'k', { wait, random: () => 0, now: () => clock })).kind).toBe('sold-out');
    expect(pauses).toEqual([100, 100, 500, 500]);
    expect(String(fetch.mock.calls[1]![0])).toBe('/v1/queue/hp1.x?wait=15');
  });
  test('names the bank', async () => {
    server(() => answer(201, { order_id: 'o', state: 'requires_action', next: { kind: 'redirect', url: '/bank' } }));
    expect(await run()).toMatchObject({ placed: { state: 'requires_action', bank: '/bank' } });
  });
});

test('retryDelay never comes before the server wants it', () => {
  expect(retryDelay(0, 3, () => 0)).toBe(3000);
  expect(retryDelay(0, 3, () => 1)).toBe(4500);
});

test('orderNumber is the random end of the id', () => {
  expect(orderNumber('01936a5c-0000-7000-8000-0000deadbeef')).toBe('DEADBEEF');
});
