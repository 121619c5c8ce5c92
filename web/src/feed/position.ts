import type { FeedFrame } from '../api/types';

/** What to do with a frame, given the last position that was accounted for. */
export type Verdict = 'take' | 'skip' | 'gap';

/**
 * judge holds the rule of the feed: positions inside (from, to] are accounted for even if they were merged away; only a
 * from that differs from the last to is a gap. A frame that ends where we already are was sent twice.
 */
export function judge(last: string, frame: Pick<FeedFrame, 'from' | 'to'>): Verdict {
  if (frame.from === last) return 'take';
  const mine = parse(last);
  const from = parse(frame.from);
  const to = parse(frame.to);
  if (!mine || !from || !to || mine.epoch !== to.epoch || from.epoch !== to.epoch) return 'gap';
  if (to.offset <= mine.offset) return 'skip';
  // It begins before us and ends after us: its events carry ids, so taking it again does no harm.
  return from.offset < mine.offset ? 'take' : 'gap';
}

function parse(position: string): { epoch: string; offset: bigint } | undefined {
  const match = /^([^:]+):(\d+)$/.exec(position);
  return match ? { epoch: match[1]!, offset: BigInt(match[2]!) } : undefined;
}

/** backoff is how long to wait before attempt n (0, 1, …): doubling from 250 ms to 10 s, spread over the whole of it. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const longest = Math.min(10_000, 250 * 2 ** Math.min(attempt, 16));
  return Math.round(longest * (0.2 + 0.8 * random()));
}
