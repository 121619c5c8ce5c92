import { createStore, useStore } from '../app/store';
import './toast.css';

interface Item {
  id: number;
  text: string;
  kind: 'info' | 'bad';
}

const items = createStore<Item[]>([]);
let last = 0;

/** toast says something in passing. Nothing that must be acted upon belongs here. */
export function toast(text: string, kind: Item['kind'] = 'info'): void {
  const id = ++last;
  items.set([...items.get().slice(-2), { id, text, kind }]);
  setTimeout(() => items.set(items.get().filter((item) => item.id !== id)), 5000);
}

/** Toasts is where they appear; the app holds it once. */
export function Toasts() {
  const list = useStore(items);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {list.map((item) => (
        <p key={item.id} class={`toast toast-${item.kind}`}>
          {item.text}
        </p>
      ))}
    </div>
  );
}
