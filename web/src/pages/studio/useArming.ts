import { useEffect, useRef } from 'preact/hooks';
import type { Product } from '../../api/types';

interface Arming {
  run: readonly Product[];
  armed: string | undefined;
  onArm: (product: string) => void;
  onPin: () => void;
}

/** useArming lets the keyboard lead the show: the space bar pins what is next, the arrows choose it. */
export function useArming(arming: Arming): void {
  const latest = useRef(arming);
  latest.current = arming;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || takesKeys(event.target)) return;
      const { run, armed, onArm, onPin } = latest.current;
      if (document.querySelector('[role=dialog]')) return;
      if (event.key === ' ' && !event.repeat) {
        event.preventDefault();
        onPin();
      }
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step || run.length === 0) return;
      event.preventDefault();
      const at = run.findIndex((product) => product.id === armed);
      onArm(run[(at + step + run.length) % run.length]!.id);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

/** A key that means something where the focus is stays there; but a press on what is next already pins it. */
function takesKeys(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest('.rundown-what[aria-pressed=true]')) return false;
  return target.closest('input, textarea, select, button, a, summary, [role=dialog]') !== null;
}
