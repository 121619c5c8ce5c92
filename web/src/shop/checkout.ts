import { api, ApiError } from '../api/client';
import type { CheckoutRequest, CheckoutResult, Order, OrderState, Queue } from '../api/types';
import { backoff } from '../feed/position';
import { stand } from './queue';

// One purchase, from the tap to its end. The server decides; this only asks again with the same key.

export interface Placed {
  order: string;
  state: OrderState;
  /** The bank's page, while it wants to be asked. */
  bank?: string;
}

export type Outcome =
  | { kind: 'placed'; placed: Placed }
  | { kind: 'sold-out' }
  | { kind: 'refused'; code: string; text: string }
  | { kind: 'failed'; error: unknown };

export interface SubmitOptions {
  signal?: AbortSignal;
  /** Called when the server is too busy and the purchase waits for its next try. */
  onBusy?: () => void;
  /** Called with each news of the place in the queue, and with undefined when it is left. */
  onQueue?: (queue: Queue | undefined) => void;
  /** Whether what is bought is known to be sold out, so that nobody waits for it. */
  soldOut?: () => boolean;
  wait?: (milliseconds: number) => Promise<void>;
  random?: () => number;
  now?: () => number;
}

const attemptsMax = 8;
const soon = 5; // seconds

/**
 * submit places the order. It may be called again with the same key and the same request: one key is one effect, however
 * often it arrives.
 */
export async function submit(request: CheckoutRequest, key: string, options: SubmitOptions = {}): Promise<Outcome> {
  const wait = options.wait ?? sleep;
  for (let attempt = 0; ; attempt++) {
    try {
      const { signal } = options;
      const result = await api.post<CheckoutResult>('/v1/checkout', request, { idempotencyKey: key, signal });
      return { kind: 'placed', placed: toPlaced(result.order_id, result) };
    } catch (error) {
      const queue = error instanceof ApiError ? error.problem?.queue : undefined;
      if (queue) {
        const end = await stand(queue, wait, options);
        if (end.soldOut) return { kind: 'sold-out' };
        request = { ...request, place: end.place };
        attempt = -1;
        continue;
      }
      if (request.place && error instanceof ApiError && lost(error)) {
        request = { ...request, place: undefined };
        continue;
      }
      const outcome = judge(error);
      if (outcome) return outcome;
      if (attempt + 1 >= attemptsMax) return { kind: 'failed', error };
      if (error instanceof ApiError && error.status === 503) options.onBusy?.();
      await wait(retryDelay(attempt, error instanceof ApiError ? error.retryAfter : undefined, options.random));
    }
  }
}

/** lost tells whether the place is no longer good: the purchase goes on without it. */
export function lost(error: ApiError): boolean {
  return ['place-over', 'bad-place', 'foreign-place'].includes(error.code);
}

/** judge tells the end of an attempt; undefined: it is worth asking again. */
function judge(error: unknown): Outcome | undefined {
  if (!(error instanceof ApiError)) return { kind: 'failed', error };
  const code = error.code.replaceAll('_', '-');
  if (error.status === 0 || error.status === 429 || error.status >= 502) return undefined;
  if (code === 'not-open' && (error.retryAfter ?? 0) <= soon) return undefined; // this clock is ahead of the shop's
  if (code === 'key-in-use') return undefined; // an earlier try of ours is still running
  if (code === 'sold-out' || code === 'stock-too-low') return { kind: 'sold-out' };
  if ([400, 409, 422].includes(error.status)) return { kind: 'refused', code, text: error.message };
  return { kind: 'failed', error };
}

/** retryDelay honours what the server asks for and spreads the crowd beyond it. */
export function retryDelay(
  attempt: number,
  retryAfter: number | undefined,
  random: () => number = Math.random,
): number {
  const own = backoff(attempt, random);
  return retryAfter === undefined ? own : Math.round(retryAfter * 1000 * (1 + 0.5 * random()));
}

/** settled tells whether an order's state is an end for its buyer. */
export function settled(state: OrderState): boolean {
  return state !== 'held' && state !== 'requires_action' && state !== 'claimed';
}

/** follow asks for the order until it has come to an end, and tells each state on the way. */
export async function follow(order: string, onState: (placed: Placed) => void, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    await sleep(Math.min(4000, 700 + turn * 150) * (0.85 + 0.3 * Math.random()));
    if (signal.aborted) return;
    try {
      const found = await api.get<Order>(`/v1/orders/${encodeURIComponent(order)}`, undefined, signal);
      onState(toPlaced(order, found));
      if (settled(found.state)) return;
    } catch {
      // The order stands whether or not we hear of it now.
    }
  }
}

function toPlaced(order: string, { state, next }: Pick<Order, 'state' | 'next'>): Placed {
  return { order, state, bank: next?.kind === 'redirect' ? next.url : undefined };
}

/** newKey names a purchase attempt. crypto.randomUUID is missing where the page came over plain HTTP. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** orderNumber is how people call an order: the end of its id, where the randomness is. */
export function orderNumber(id: string): string {
  return id.replaceAll('-', '').slice(-8).toUpperCase();
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
