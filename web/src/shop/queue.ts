import { api, ApiError } from '../api/client';
import type { Queue } from '../api/types';
import { lost } from './checkout';

// The wait in the queue, from the place to the turn. The server keeps the order; this only asks how it stands. The
// question is held there until there is news, so that a turn, or that all is sold out, is heard at once.

interface StandOptions {
  signal?: AbortSignal;
  onQueue?: (queue: Queue | undefined) => void;
  soldOut?: () => boolean;
  random?: () => number;
  now?: () => number;
}

/** A turn comes with the place to show; without one the purchase begins anew. */
type End = { soldOut: true } | { soldOut: false; place?: string };

const askEvery = 1000;
const askSlowest = 10_000;
/** Places that may ask once a second; a longer queue asks less often, where its questions are not held. */
const askersMax = 2000;
const heldFor = 15; // seconds
/** An answer that took longer was held back: the next question may follow at once. */
const heldLeast = 500;
const breath = 100;

/** stand waits in the queue until it is the buyer's turn, or until what they wanted is gone. */
export async function stand(
  queue: Queue,
  wait: (milliseconds: number) => Promise<void>,
  { signal, onQueue, soldOut, random = Math.random, now = () => performance.now() }: StandOptions,
): Promise<End> {
  try {
    for (let pause = 0; ;) {
      onQueue?.(queue);
      if (queue.state === 'turn') return { soldOut: false, place: queue.place };
      if (queue.state === 'sold_out') return { soldOut: true };
      // The page may know before the queue tells: the feed did.
      for (let left = pause * (1 + 0.2 * random()); left > 0; left -= askEvery / 2) {
        if (soldOut?.()) return { soldOut: true };
        await wait(Math.min(left, askEvery / 2));
      }
      if (soldOut?.()) return { soldOut: true };
      const asked = now();
      pause = Math.min(askSlowest, Math.max(askEvery, (queue.position / askersMax) * askEvery));
      try {
        queue = await api.get<Queue>(`/v1/queue/${encodeURIComponent(queue.place)}`, { wait: heldFor }, signal);
        if (now() - asked >= heldLeast) pause = breath;
      } catch (error) {
        if (!(error instanceof ApiError) || lost(error)) return { soldOut: false };
        // The place stands whether or not we hear of it now.
      }
    }
  } finally {
    onQueue?.(undefined);
  }
}
