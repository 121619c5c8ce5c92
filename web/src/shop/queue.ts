import { api, ApiError } from '../api/client';
import type { Queue } from '../api/types';
import { lost } from './checkout';

// The wait in the queue, from the place to the turn. The server keeps the order; this only asks how it stands.

interface StandOptions {
  signal?: AbortSignal;
  onQueue?: (queue: Queue | undefined) => void;
  soldOut?: () => boolean;
  random?: () => number;
}

/** A turn comes with the place to show; without one the purchase begins anew. */
type End = { soldOut: true } | { soldOut: false; place?: string };

const askEvery = 1000;
const askSlowest = 10_000;
/** Places that may ask once a second; a longer queue asks less often. */
const askersMax = 2000;

/** stand waits in the queue until it is the buyer's turn, or until what they wanted is gone. */
export async function stand(
  queue: Queue,
  wait: (milliseconds: number) => Promise<void>,
  { signal, onQueue, soldOut, random = Math.random }: StandOptions,
): Promise<End> {
  try {
    for (;;) {
      onQueue?.(queue);
      if (queue.state === 'turn') return { soldOut: false, place: queue.place };
      if (queue.state === 'sold_out') return { soldOut: true };
      const pause = Math.min(askSlowest, Math.max(askEvery, (queue.position / askersMax) * askEvery));
      // The page may know before the queue is asked again: the feed told it.
      for (let left = pause * (1 + 0.2 * random()); left > 0; left -= askEvery / 2) {
        if (soldOut?.()) return { soldOut: true };
        await wait(Math.min(left, askEvery / 2));
      }
      try {
        queue = await api.get<Queue>(`/v1/queue/${encodeURIComponent(queue.place)}`, undefined, signal);
      } catch (error) {
        if (!(error instanceof ApiError) || lost(error)) return { soldOut: false };
        // The place stands whether or not we hear of it now.
      }
    }
  } finally {
    onQueue?.(undefined);
  }
}
