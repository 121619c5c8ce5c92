import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Signals } from './signals';

describe('what the page says', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('goes together after five seconds', () => {
    const sent: string[] = [];
    const signals = new Signals((body) => void sent.push(body));
    signals.impression('a', true);
    signals.watched('a', 1234.6);
    signals.impression('b', false);
    vi.advanceTimersByTime(4999);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sent.map((body) => JSON.parse(body))).toEqual([
      {
        signals: [
          { item: 'a', kind: 'impression', boosted: true },
          { item: 'a', kind: 'watch', watched_ms: 1235 },
          { item: 'b', kind: 'impression' },
        ],
      },
    ]);
    vi.advanceTimersByTime(60_000);
    expect(sent).toHaveLength(1);
  });

  it('never sends more than fifty at once', () => {
    const sent: string[] = [];
    const signals = new Signals((body) => void sent.push(body));
    for (let n = 0; n < 120; n++) signals.impression(`item ${n}`, false);
    signals.flush();
    expect(sent.map((body) => (JSON.parse(body) as { signals: unknown[] }).signals.length)).toEqual([50, 50, 20]);
  });
});
