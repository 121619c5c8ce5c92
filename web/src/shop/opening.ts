import { useEffect, useState } from 'preact/hooks';

/** opensIn is how many seconds are left until a sale opens; 0: it is open. */
export function opensIn(opensAt: string | undefined, now = Date.now()): number {
  const at = opensAt ? Date.parse(opensAt) : NaN;
  return at > now ? Math.ceil((at - now) / 1000) : 0;
}

/** useOpening counts down to the moment at which a sale opens. It stands still once it is open. */
export function useOpening(opensAt: string | undefined): number {
  const [left, setLeft] = useState(() => opensIn(opensAt));
  useEffect(() => {
    setLeft(opensIn(opensAt));
    if (opensIn(opensAt) === 0) return;
    const timer = setInterval(() => {
      const now = opensIn(opensAt);
      setLeft(now);
      if (now === 0) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [opensAt]);
  return left;
}
