import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface Props {
  label: string;
  panels: { name: string; body: ComponentChildren }[];
  /** The panel that a phone shows first. */
  start: number;
}

/** Panels stand beside each other on a desk; on a phone one is seen at a time, and a swipe or a tap brings the next. */
export function Panels({ label, panels, start }: Props) {
  const row = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(start);
  const go = (to: number, smooth = true) => {
    const panel = row.current?.children[to] as HTMLElement | undefined;
    panel?.scrollIntoView({ behavior: smooth ? 'smooth' : 'instant', block: 'nearest', inline: 'start' });
  };
  useEffect(() => go(start, false), []);
  const onScroll = () => {
    const element = row.current!;
    // Offsets run below 0 where the line runs right to left.
    setAt(Math.min(panels.length - 1, Math.round(Math.abs(element.scrollLeft) / Math.max(1, element.clientWidth))));
  };
  return (
    <>
      <nav class="panels-nav" aria-label={label}>
        {panels.map((panel, index) => (
          <button key={index} type="button" aria-current={index === at ? 'true' : undefined} onClick={() => go(index)}>
            {panel.name}
          </button>
        ))}
      </nav>
      <div class="panels" ref={row} onScroll={onScroll}>
        {panels.map((panel, index) => (
          <div key={index} class="panel">
            {panel.body}
          </div>
        ))}
      </div>
    </>
  );
}
