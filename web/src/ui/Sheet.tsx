import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import x from 'lucide-static/icons/x.svg?raw';
import { IconButton } from './Button';
import { trapFocus } from './focus';
import { t } from '../i18n/common';
import './sheet.css';

interface Props {
  title: string;
  open: boolean;
  onClose: () => void;
  /** Stays in view under the scrolling part: the one button. */
  footer?: ComponentChildren;
  children?: ComponentChildren;
}

/** Sheet comes up over the lower part of the screen (at the end side on a desk) and leaves what is behind visible. */
export function Sheet({ title, open, onClose, footer, children }: Props) {
  const [mounted, setMounted] = useState(open);
  const panel = useRef<HTMLDivElement>(null);
  const heading = useId();
  const close = useRef(onClose);
  close.current = onClose;

  useEffect(() => {
    if (open) {
      setMounted(true);
      return;
    }
    const timer = setTimeout(() => setMounted(false), 240);
    return () => clearTimeout(timer);
  }, [open]);

  useEffect(() => {
    if (!open || !mounted || !panel.current) return;
    return trapFocus(panel.current, () => close.current());
  }, [open, mounted]);

  if (!mounted) return null;
  return (
    <div class={open ? 'sheet' : 'sheet sheet-leaving'}>
      <div class="sheet-scrim" onClick={onClose} />
      <div class="sheet-panel" role="dialog" aria-modal="true" aria-labelledby={heading} tabIndex={-1} ref={panel}>
        <header class="sheet-head">
          <h2 id={heading}>{title}</h2>
          <IconButton svg={x} label={t('close')} onClick={onClose} />
        </header>
        <div class="sheet-body">{children}</div>
        {footer && <footer class="sheet-foot">{footer}</footer>}
      </div>
    </div>
  );
}
