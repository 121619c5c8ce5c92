import { describe, expect, it, vi } from 'vitest';
import type { FeedEvent } from '../api/types';
import type { Past } from './past';
import type { Overlay } from './scene';
import { Timeline } from './timeline';

const second = 1_000_000;
const overlay: Overlay = { state: 'live', pins: [], bag: [], deals: [], viewers: 0, anchors: [], version: 0 };

function made(past?: Pick<Past, 'onAir'>) {
  const delivered: string[] = [];
  const history = vi.fn(() => Promise.resolve({ pins: [], deals: [] }));
  const replay = { renew: vi.fn(), frame: vi.fn() };
  const timeline = new Timeline({
    overlay: () => overlay,
    past: () => past && ({ url: '', replay, ...past } as unknown as Past),
    archive: { history },
    deliver: (event) => delivered.push(event.kind),
    onLate: () => undefined,
  });
  return { timeline, delivered, history, replay };
}

const event = (kind: string, at = 10 * second, data: unknown = {}): FeedEvent => ({
  id: kind,
  kind,
  v: 1,
  media_time: at,
  at: 0,
  data,
});

describe('Timeline', () => {
  it('holds an event until its frame, and a deal turns on its own', () => {
    const { timeline, delivered } = made();
    timeline.frame(9 * second);
    timeline.take(event('pin.placed'));
    timeline.take(event('broadcast.interrupted'));
    timeline.take(event('deal.announced', 10 * second, { deal: { id: 'a', opens: 11 * second, ends: 12 * second } }));
    expect(delivered).toEqual(['broadcast.interrupted']);
    timeline.frame(10 * second);
    expect(delivered.slice(1)).toEqual(['pin.placed', 'deal.announced']);
    timeline.frame(11 * second);
    timeline.frame(12 * second);
    expect(delivered.slice(3)).toEqual(['deal.turn', 'deal.turn']);
  });

  it('of what is wound back takes the past from its record, and the rest is of now', async () => {
    const { timeline, delivered, history, replay } = made({ onAir: true });
    for (const kind of ['pin.placed', 'deal.announced', 'deal.left', 'stock.out']) timeline.take(event(kind));
    expect(delivered).toEqual(['stock.out']);
    expect(history).toHaveBeenCalledTimes(1);
    timeline.take(event('deal.ended'));
    expect(history).toHaveBeenCalledTimes(2);
    await Promise.resolve();
    expect(replay.renew).toHaveBeenCalledTimes(2);
    timeline.frame(5 * second);
    expect(replay.frame).toHaveBeenCalledWith(5 * second);
  });

  it('of a recording nothing changes but stock and price', () => {
    const { timeline, delivered, history } = made({ onAir: false });
    for (const kind of ['pin.placed', 'deal.ended', 'broadcast.ended', 'price.changed']) timeline.take(event(kind));
    expect([delivered, history.mock.calls.length]).toEqual([['price.changed'], 0]);
  });
});
