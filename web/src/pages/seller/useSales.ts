import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../../api/client';
import type { Broadcast, Sales } from '../../api/types';

export interface LiveSales {
  sales: Sales | undefined;
  broadcast: Broadcast | undefined;
  error: unknown;
  reload: () => void;
}

const onAirMilliseconds = 1000;
const restMilliseconds = 15_000;
const failedMilliseconds = 3000;

/** useSales follows a broadcast's figures: each second while it is on air, seldom after. The last known ones stay. */
export function useSales(id: string | undefined): LiveSales {
  const [sales, setSales] = useState<Sales>();
  const [broadcast, setBroadcast] = useState<Broadcast>();
  const [error, setError] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  const lastMark = useRef('');
  useEffect(() => {
    if (!id) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let found: Broadcast | undefined;
    let askedAt = 0;
    const read = async () => {
      let wait = restMilliseconds;
      try {
        if (Date.now() - askedAt > 5 * onAirMilliseconds) {
          found = await api.get<Broadcast>(`/v1/broadcasts/${id}`, undefined, abort.signal);
          askedAt = Date.now();
          setBroadcast(found);
        }
        const fresh = await api.get<Sales>(`/v1/broadcasts/${id}/sales`, undefined, abort.signal);
        // Nothing but the time of reading changed: the page need not be drawn again.
        const { as_of: _, ...figures } = fresh;
        const mark = JSON.stringify(figures);
        if (mark !== lastMark.current) setSales(fresh);
        lastMark.current = mark;
        setError(undefined);
        if (found?.state !== 'ended') wait = onAirMilliseconds;
      } catch (cause) {
        if (abort.signal.aborted) return;
        setError(cause);
        wait = failedMilliseconds;
      }
      if (!abort.signal.aborted) timer = setTimeout(next, wait);
    };
    const next = () => {
      if (document.visibilityState === 'visible') void read();
      else timer = setTimeout(next, onAirMilliseconds);
    };
    setSales(undefined);
    setBroadcast(undefined);
    setError(undefined);
    lastMark.current = '';
    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [id, turn]);
  return { sales, broadcast, error, reload: () => setTurn((n) => n + 1) };
}
