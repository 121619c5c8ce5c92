import { useEffect, useRef, useState } from 'preact/hooks';
import downIcon from 'lucide-static/icons/arrow-down.svg?raw';
import upIcon from 'lucide-static/icons/arrow-up.svg?raw';
import gripIcon from 'lucide-static/icons/grip-vertical.svg?raw';
import minusIcon from 'lucide-static/icons/minus.svg?raw';
import plusIcon from 'lucide-static/icons/plus.svg?raw';
import type { Product } from '../../api/types';
import { number } from '../../i18n/format';
import { IconButton } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { t } from './messages';
import { moved } from './room';
import { Picture } from './Rundown';

interface Props {
  products: readonly Product[];
  chosen: readonly string[];
  /** No more can be chosen than this. */
  most: number;
  heads: { chosen: string; rest: string };
  onChange: (chosen: string[]) => void;
}

/** Order lets somebody choose products and put them in order: by dragging, by the arrow keys, or by tapping. */
export function Order({ products, chosen, most, heads, onChange }: Props) {
  const list = useRef<HTMLOListElement>(null);
  const [said, setSaid] = useState('');
  const [tapped, setTapped] = useState<string>();
  const focus = useRef<string | undefined>(undefined);
  const kept = chosen.flatMap((id) => products.find((product) => product.id === id) ?? []);
  const rest = products.filter((product) => product.state === 'active' && !chosen.includes(product.id));

  const move = (from: number, to: number) => {
    const product = kept[from];
    if (!product || to < 0 || to >= kept.length || to === from) return;
    onChange(
      moved(
        kept.map((one) => one.id),
        from,
        to,
      ),
    );
    setSaid(t('movedSaid', { title: product.title, place: number(to + 1), count: number(kept.length) }));
  };
  const drag = useDrag(list, (from, to) => move(from, to));

  // A row that moves in the page loses the focus: whoever moves it by keys stays on it.
  useEffect(() => {
    if (focus.current === undefined) return;
    list.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(focus.current)}"] .order-grip`)?.focus();
    focus.current = undefined;
  }, [chosen]);

  const onKey = (event: KeyboardEvent, at: number) => {
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: kept.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    focus.current = kept[at]!.id;
    move(at, to);
  };
  return (
    <>
      <h3 class="edit-run-head">{heads.chosen}</h3>
      <ol class="edit-run" ref={list}>
        {kept.map((product, at) => (
          <li
            key={product.id}
            data-row={product.id}
            data-dragged={drag.row === product.id}
            data-tapped={tapped === product.id}
          >
            <button
              type="button"
              class="icon-button order-grip"
              aria-label={t('moveNamed', { title: product.title, place: number(at + 1), count: number(kept.length) })}
              aria-expanded={tapped === product.id}
              onPointerDown={(event) => drag.start(event, product.id)}
              onKeyDown={(event) => onKey(event, at)}
              onClick={() => !drag.justDragged() && setTapped(tapped === product.id ? undefined : product.id)}
            >
              <Icon svg={gripIcon} size={22} />
            </button>
            <Picture product={product} size={40} />
            <span dir="auto">{product.title}</span>
            <IconButton
              svg={upIcon}
              class="order-step"
              label={t('moveUp', { title: product.title })}
              disabled={at === 0}
              onClick={() => move(at, at - 1)}
            />
            <IconButton
              svg={downIcon}
              class="order-step"
              label={t('moveDown', { title: product.title })}
              disabled={at === kept.length - 1}
              onClick={() => move(at, at + 1)}
            />
            <IconButton
              svg={minusIcon}
              label={t('takeFromRun', { title: product.title })}
              onClick={() => onChange(chosen.filter((id) => id !== product.id))}
            />
          </li>
        ))}
      </ol>
      {kept.length > 1 && <p class="small muted">{t('orderHint')}</p>}
      {rest.length > 0 && <h3 class="edit-run-head">{heads.rest}</h3>}
      <ul class="edit-run">
        {rest.map((product) => (
          <li key={product.id}>
            <Picture product={product} size={40} />
            <span dir="auto">{product.title}</span>
            <IconButton
              svg={plusIcon}
              label={t('addToRun', { title: product.title })}
              disabled={kept.length >= most}
              onClick={() => onChange([...chosen, product.id])}
            />
          </li>
        ))}
      </ul>
      <p class="visually-hidden" role="status">
        {said}
      </p>
    </>
  );
}

/** Rows closer than this to the edge of what scrolls make it scroll, by so many pixels a picture. */
const edge = 48;
const scrollStep = 10;
/** A press that moves less is a tap. */
const tapMost = 6;

interface Drag {
  row: string | undefined;
  start: (event: PointerEvent, row: string) => void;
  /** The click that ends a drag is none. */
  justDragged: () => boolean;
}

/**
 * useDrag moves a row to where the pointer is. It listens to the window: the row itself is taken out of the page and put
 * back each time that it moves.
 */
function useDrag(list: { current: HTMLElement | null }, onMove: (from: number, to: number) => void): Drag {
  const [row, setRow] = useState<string>();
  const latest = useRef(onMove);
  latest.current = onMove;
  const ended = useRef(-Infinity);
  const stop = useRef<() => void>(() => undefined);
  useEffect(() => () => stop.current(), []);

  const start = (event: PointerEvent, id: string) => {
    if (event.button !== 0 || !list.current) return;
    stop.current();
    const from = event.clientY;
    let y = from;
    let dragging = false;
    let picture = 0;
    const rows = () => [...(list.current?.children ?? [])] as HTMLElement[];
    const follow = () => {
      const all = rows();
      const at = all.findIndex((one) => one.dataset['row'] === id);
      const to = rowAt(
        all.map((one) => one.getBoundingClientRect()),
        y,
      );
      if (at >= 0 && to !== at) latest.current(at, to);
      const pane = list.current?.closest<HTMLElement>('.sheet-body');
      const box = pane?.getBoundingClientRect();
      if (pane && box) {
        if (y < box.top + edge) pane.scrollTop -= scrollStep;
        else if (y > box.bottom - edge) pane.scrollTop += scrollStep;
      }
      picture = requestAnimationFrame(follow);
    };
    const onPointer = (now: PointerEvent) => {
      y = now.clientY;
      if (dragging || Math.abs(y - from) < tapMost) return;
      dragging = true;
      setRow(id);
      follow();
    };
    const end = () => {
      cancelAnimationFrame(picture);
      removeEventListener('pointermove', onPointer);
      removeEventListener('pointerup', end);
      removeEventListener('pointercancel', end);
      if (dragging) ended.current = performance.now();
      setRow(undefined);
      stop.current = () => undefined;
    };
    addEventListener('pointermove', onPointer);
    addEventListener('pointerup', end);
    addEventListener('pointercancel', end);
    stop.current = end;
  };
  return { row, start, justDragged: () => performance.now() - ended.current < 250 };
}

/** rowAt is the row that a height lies in; above all it is the first, below all the last. */
export function rowAt(rows: readonly { top: number; bottom: number }[], y: number): number {
  const at = rows.findIndex((row) => y < row.bottom);
  return at < 0 ? rows.length - 1 : at;
}
