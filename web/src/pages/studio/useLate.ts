import { useEffect, useState } from 'preact/hooks';

/** useLate is true once something has been true for as long: what passes in a moment needs no banner. */
export function useLate(now: boolean, milliseconds: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (!now) return;
    const timer = setTimeout(() => setLate(true), milliseconds);
    return () => clearTimeout(timer);
  }, [now, milliseconds]);
  return now && late;
}
