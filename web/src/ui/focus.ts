// Keyboard focus inside a dialog: where it goes first, that it stays, and that it returns.

const focusable =
  'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled]), [tabindex]:not([tabindex="-1"])';

/** trapFocus keeps Tab inside root and answers Escape. It returns what undoes it and puts focus back. */
export function trapFocus(root: HTMLElement, onEscape: () => void): () => void {
  const before = document.activeElement as HTMLElement | null;
  const first = root.querySelector<HTMLElement>('[autofocus]') ?? root;
  first.focus({ preventScroll: true });

  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      onEscape();
      return;
    }
    if (event.key !== 'Tab') return;
    const all = [...root.querySelectorAll<HTMLElement>(focusable)].filter((el) => el.offsetParent !== null);
    const next = wrapFocus(all.indexOf(document.activeElement as HTMLElement), all.length, event.shiftKey);
    if (next === undefined) return;
    event.preventDefault();
    (all[next] ?? root).focus();
  };
  root.addEventListener('keydown', onKey);
  // A focused button that is replaced leaves the focus nowhere: keys and screen readers would be outside of the dialog.
  const back = new MutationObserver(() => {
    if (document.activeElement === document.body && root.isConnected) root.focus({ preventScroll: true });
  });
  back.observe(root, { childList: true, subtree: true });
  return () => {
    back.disconnect();
    root.removeEventListener('keydown', onKey);
    if (before?.isConnected) before.focus({ preventScroll: true });
  };
}

/** wrapFocus says which of count elements takes the focus where the browser's own choice would leave the dialog. */
export function wrapFocus(current: number, count: number, backwards: boolean): number | undefined {
  if (count === 0) return -1;
  if (backwards && current <= 0) return count - 1;
  if (!backwards && current === count - 1) return 0;
  return undefined;
}
