import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../api/client';
import type { Wait } from '../api/types';
import { opensIn } from './opening';

// A buyer's wait for something that is sold out: the server keeps the order, this asks how it stands.

const askEvery = 5000;
const askSoon = 1000;

/** active tells whether the buyer has a place, or something is kept for them. */
export function active(wait: Wait | undefined): boolean {
  return wait?.state === 'waiting' || wait?.state === 'offered';
}

/**
 * nextAsk is when to ask again, in milliseconds; undefined: not by itself. called is up to which number units were
 * offered, as far as the feed told.
 */
export function nextAsk(wait: Wait | undefined, called: number | undefined, now = Date.now()): number | undefined {
  if (!wait || !active(wait)) return undefined;
  if (wait.state === 'offered') return Math.max(askSoon, opensIn(wait.until, now) * 1000);
  return (wait.number ?? 0) <= (called ?? 0) ? askSoon : askEvery;
}

export interface Waitlist {
  wait: Wait | undefined;
  /** Something is kept for the buyer now. */
  kept: boolean;
  busy: boolean;
  problem: unknown;
  join: () => void;
  leave: () => void;
}

/** useWait follows the wait for a variant while it is sold out and somebody looks. */
export function useWait(variant: string | undefined, soldOut: boolean, called: number | undefined): Waitlist {
  const [wait, setWait] = useState<Wait>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const path = `/v1/variants/${encodeURIComponent(variant ?? '')}/wait`;
  const shown = useRef(path);
  shown.current = path;
  const wanted = variant !== undefined && (soldOut || active(wait));
  const own = wait?.variant === variant ? wait : undefined;

  const take = (of: string) => (found: Wait) => {
    if (shown.current === of) setWait(found);
  };
  // What the feed tells is a reason to ask at once; how it stands is the server's to say.
  useEffect(() => {
    if (wanted) void api.get<Wait>(path).then(take(path), () => undefined);
  }, [path, wanted, called]);
  useEffect(() => {
    const pause = wanted ? nextAsk(own, called) : undefined;
    if (pause === undefined) return;
    const timer = setTimeout(
      () => void api.get<Wait>(path).then(take(path), () => setWait((was) => was && { ...was })),
      pause * (0.9 + 0.2 * Math.random()),
    );
    return () => clearTimeout(timer);
  }, [wait, path, wanted, called]);

  const change = async (method: 'put' | 'delete') => {
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    try {
      take(path)(method === 'put' ? await api.put<Wait>(path) : await api.delete<Wait>(path));
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return {
    wait: own,
    kept: own?.state === 'offered' && opensIn(own.until) > 0,
    busy,
    problem,
    join: () => void change('put'),
    leave: () => void change('delete'),
  };
}
