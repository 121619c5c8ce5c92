import { useEffect, useState } from 'preact/hooks';
import type { Store } from './value';

export { createStore, type Store } from './value';

/** useStore renders again whenever the store's value changes. */
export function useStore<T>(store: Store<T>): T {
  const [, render] = useState(0);
  useEffect(() => {
    render((n) => n + 1);
    return store.subscribe(() => render((n) => n + 1));
  }, [store]);
  return store.get();
}
