import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/client';
import type { CheckoutRequest, Money, PinVariant, Queue } from '../api/types';
import { follow, newKey, settled, submit, type Outcome, type Placed } from './checkout';
import type { PayDetailsState } from './PayDetails';

/** What is bought, and where it was seen. */
export interface Offer {
  product: { id: string; title: string; picture?: string; kind?: string };
  variants: PinVariant[];
  context: () => Pick<CheckoutRequest, 'broadcast' | 'video' | 'view_session' | 'pin' | 'media_time'>;
  /** A quote ran out or stock is gone: what is known of the offer should be asked for again. */
  refresh?: () => Promise<void>;
}

/** Ending is where a purchase stands after the tap on Pay. */
export type Ending = { kind: 'order'; placed: Placed; total: Money } | Exclude<Outcome, { kind: 'placed' }>;

/** One purchase under one key: a retry sends the very same request. */
interface Attempt {
  key: string;
  same: string;
  request: CheckoutRequest;
}

export interface Purchase {
  /** The order is on its way. */
  busy: boolean;
  /** It waits because very many are buying. */
  crowded: boolean;
  /** The place in the queue, while it waits there. */
  queue: Queue | undefined;
  /** What the buyer entered was refused, and why. */
  problem: unknown;
  ending: Ending | undefined;
  /** The order stands and waits for its payment. */
  waiting: boolean;
  pay: (variant: PinVariant, quantity: number, total: Money) => Promise<void>;
  forget: () => void;
}

/** usePurchase carries one buyer's purchase of one offer from the tap to its end. */
export function usePurchase(offer: Offer, details: PayDetailsState): Purchase {
  const [busy, setBusy] = useState(false);
  const [crowded, setCrowded] = useState(false);
  const [queue, setQueue] = useState<Queue>();
  const [ending, setEnding] = useState<Ending>();
  const [problem, setProblem] = useState<unknown>();
  const attempt = useRef<Attempt | undefined>(undefined);
  const latest = useRef(offer);
  latest.current = offer;

  const send = async (): Promise<Outcome> => {
    const { key, request } = attempt.current!;
    const wanted = request.lines.map((line) => line.variant);
    const soldOut = () => latest.current.variants.some((one) => wanted.includes(one.id) && one.available <= 0);
    return submit(request, key, { onBusy: () => setCrowded(true), onQueue: setQueue, soldOut });
  };

  const place = async (variant: PinVariant, quantity: number): Promise<Outcome> => {
    const { instrument, shipTo } = await details.save();
    const lines = [{ variant: variant.id, quantity, quote: variant.quote || undefined }];
    // What was seen when is fixed with the first tap: a retry must be the same request.
    const same = JSON.stringify({ lines, instrument, shipTo });
    if (attempt.current?.same !== same) {
      attempt.current = { key: newKey(), same, request: { lines, instrument, ship_to: shipTo, ...offer.context() } };
    }
    const outcome = await send();
    if (outcome.kind !== 'refused' || outcome.code !== 'quote-expired') return outcome;
    const renewed = await renew(attempt.current.request, variant, latest);
    if (!renewed) return outcome;
    attempt.current = { key: newKey(), same, request: renewed };
    return send();
  };

  const pay = async (variant: PinVariant, quantity: number, total: Money) => {
    if (busy) return;
    setBusy(true);
    setEnding(undefined);
    setProblem(undefined);
    try {
      const outcome = await place(variant, quantity);
      if (outcome.kind === 'placed') setEnding({ kind: 'order', placed: outcome.placed, total });
      else setEnding(outcome);
      // Only an order that did not get through, or is held, is continued under its key.
      if (outcome.kind !== 'failed' && !(outcome.kind === 'placed' && outcome.placed.state === 'held')) {
        attempt.current = undefined;
      }
      if (outcome.kind === 'sold-out' || outcome.kind === 'refused') void offer.refresh?.();
    } catch (error) {
      // An address or a way to pay that was refused is mended in the form; anything else is tried again.
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) setProblem(error);
      else setEnding({ kind: 'failed', error });
    } finally {
      setBusy(false);
      setCrowded(false);
    }
  };

  const waiting = ending?.kind === 'order' && !settled(ending.placed.state) ? ending.placed.order : undefined;
  useEffect(() => {
    if (!waiting) return;
    const abort = new AbortController();
    const tell = (placed: Placed) =>
      setEnding((was) => (was?.kind === 'order' ? { ...was, placed: { ...was.placed, ...placed } } : was));
    void follow(waiting, tell, abort.signal);
    return () => abort.abort();
  }, [waiting]);

  const forget = () => {
    attempt.current = undefined;
    setEnding(undefined);
  };
  return { busy, crowded, queue, problem, ending, waiting: waiting !== undefined, pay, forget };
}

/** renew replaces a quote that only grew old, where the price is the same; else the buyer shall look again. */
async function renew(
  request: CheckoutRequest,
  seen: PinVariant,
  latest: { current: Offer },
): Promise<CheckoutRequest | undefined> {
  await latest.current.refresh?.();
  await new Promise((resolve) => setTimeout(resolve)); // what came is rendered, and so in latest
  const now = latest.current.variants.find((one) => one.id === seen.id);
  if (!now || now.quote === seen.quote || now.price.amount !== seen.price.amount) return undefined;
  return { ...request, lines: request.lines.map((line) => ({ ...line, quote: now.quote })) };
}
