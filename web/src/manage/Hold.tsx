import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../ui/Icon';
import { t } from './messages';
import './hold.css';

/** How long a press must last. */
export const holdMilliseconds = 600;
/** How long the second of two presses may take, for those whose device sends no press that lasts. */
const confirmMilliseconds = 4000;
/** How long a press that was too short is answered. */
const shortMilliseconds = 1500;

interface Props {
  kind?: 'accent' | 'bad';
  svg?: string;
  wide?: boolean;
  busy?: boolean;
  disabled?: boolean;
  onHold: () => void;
  children?: ComponentChildren;
}

type Stage = 'idle' | 'holding' | 'short' | 'asking';

/**
 * Hold acts after 0.6 s of pressing, by finger, mouse or key: no dialog asks, and no slip acts. A screen reader sends
 * presses without length; there the second press confirms.
 */
export function Hold({ kind = 'bad', svg, wide, busy, disabled, onHold, children }: Props) {
  const [stage, setStage] = useState<Stage>('idle');
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const pressed = useRef(false);
  const acted = useRef(false);
  useEffect(() => () => clearTimeout(timer.current), []);

  const start = () => {
    if (busy || disabled || pressed.current) return;
    pressed.current = true;
    acted.current = false;
    setStage('holding');
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      acted.current = true;
      setStage('idle');
      navigator.vibrate?.(20);
      onHold();
    }, holdMilliseconds);
  };
  const stop = () => {
    if (!pressed.current) return;
    pressed.current = false;
    if (acted.current) return; // not by the stage: a quick finger is up again before anything was drawn
    clearTimeout(timer.current);
    setStage('short');
    timer.current = setTimeout(() => setStage('idle'), shortMilliseconds);
  };
  const press = (event: MouseEvent) => {
    // A real press sends pointer or key events first; detail 0 without them comes from assistive technology.
    if (event.detail !== 0 || busy || disabled) return;
    clearTimeout(timer.current);
    if (stage === 'asking') {
      setStage('idle');
      onHold();
      return;
    }
    setStage('asking');
    timer.current = setTimeout(() => setStage('idle'), confirmMilliseconds);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== ' ' && event.key !== 'Enter') return;
    event.preventDefault(); // else the key's release is a click
    event.stopPropagation();
    if (!event.repeat) start();
  };

  return (
    <button
      type="button"
      class={`button button-${kind} hold${wide ? ' button-wide' : ''}`}
      data-stage={stage}
      disabled={disabled}
      aria-busy={busy ? 'true' : undefined}
      onPointerDown={(event) => event.button === 0 && start()}
      onPointerUp={stop}
      onPointerLeave={stop}
      onPointerCancel={stop}
      onKeyDown={onKey}
      onKeyUp={stop}
      onBlur={stop}
      onClick={press}
      onContextMenu={(event) => event.preventDefault()}
    >
      <span class="hold-fill" aria-hidden="true" />
      {svg && <Icon svg={svg} />}
      <span class="button-label hold-label" aria-live="polite">
        {/* The first text keeps its place, so that nothing moves under the thumb. */}
        <span class={stage === 'idle' ? '' : 'hold-away'}>{children}</span>
        {stage !== 'idle' && <span class="hold-hint">{stage === 'asking' ? t('pressAgain') : t('keepHolding')}</span>}
      </span>
      {busy && <span class="button-busy" aria-hidden="true" />}
    </button>
  );
}
