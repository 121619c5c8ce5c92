import { describe, expect, it, vi } from 'vitest';
import type { Deal, Pin } from '../api/types';
import { Replay, type CardSpan } from './replay';

const second = 1_000_000;
const spans: CardSpan[] = [
  { id: 'scarf', from: 10 * second, until: 20 * second },
  { id: 'hat', from: 15 * second, until: 30 * second },
  { id: 'coat', from: 60 * second },
];

const offers: CardSpan[] = [{ id: 'sale', from: 100 * second, until: 110 * second }];

function start(gone: string[] = []) {
  const shown: string[][] = [];
  const load = vi.fn((at: number) => {
    const on = <T>(all: CardSpan[]) =>
      all
        .filter((span) => span.from <= at && at < (span.until ?? Infinity) && !gone.includes(span.id))
        .map((span) => ({ id: span.id }) as T);
    return Promise.resolve({ pins: on<Pin>(spans), deals: on<Deal>(offers) });
  });
  const replay = new Replay({
    history: { pins: spans, deals: offers },
    load,
    show: ({ pins, deals }) => shown.push([...pins, ...deals].map((one) => one.id)),
  });
  return { replay, load, shown };
}

const settle = () => new Promise((resolve) => setTimeout(resolve));

describe('Replay', () => {
  it('shows a pin on the frame that it lay on, fetched before', async () => {
    const { replay, shown } = start();
    replay.frame(5 * second);
    await settle();
    replay.frame(10 * second - 33_333);
    expect(shown).toEqual([[]]);
    replay.frame(10 * second - 900); // cut to the millisecond, it is the frame itself
    expect(shown.at(-1)).toEqual(['scarf']);
    await settle();
    replay.frame(15 * second);
    expect(shown.at(-1)).toEqual(['scarf', 'hat']);
    replay.frame(20 * second);
    expect(shown.at(-1)).toEqual(['hat']);
    replay.frame(30 * second);
    expect(shown.at(-1)).toEqual([]);
  });

  it('shows what lay there after a seek, forwards and back', async () => {
    const { replay, shown, load } = start();
    replay.frame(70 * second);
    expect(shown).toEqual([]);
    await settle();
    expect(shown).toEqual([['coat']]);
    replay.frame(16 * second);
    await settle();
    expect(shown.at(-1)).toEqual(['scarf', 'hat']);
    replay.frame(70 * second);
    expect(shown.at(-1)).toEqual(['coat']);
    expect(load).toHaveBeenCalledTimes(2);
  });

  it('shows a deal among the pins, and takes it away', async () => {
    const { replay, shown, load } = start();
    replay.frame(90 * second);
    await settle();
    expect(shown.at(-1)).toEqual(['coat']);
    replay.frame(100 * second);
    expect(shown.at(-1)).toEqual(['coat', 'sale']);
    replay.frame(110 * second);
    expect(shown.at(-1)).toEqual(['coat']);
    expect(load).toHaveBeenCalledTimes(2);
  });

  it('does not show what came for a frame that is gone', async () => {
    const { replay, shown } = start();
    replay.frame(70 * second);
    replay.frame(40 * second);
    await settle();
    expect(shown).toEqual([[]]);
  });

  it('leaves out a product that is gone', async () => {
    const { replay, shown, load } = start(['scarf']);
    replay.frame(16 * second);
    await settle();
    expect(shown).toEqual([['hat']]);
    replay.frame(17 * second);
    await settle();
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('fetches the cards again when they are old', async () => {
    const { replay, shown, load } = start();
    replay.frame(70 * second);
    await settle();
    replay.forget();
    replay.frame(71 * second);
    await settle();
    expect(load).toHaveBeenCalledTimes(2);
    expect(shown).toEqual([['coat'], ['coat']]);
  });
});
