import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../../api/client';
import { locale } from '../../i18n/language';
import type { FeedItem, FeedPage } from './data';
import { goOn, storeSession, storedSession, type Pile, type Resume } from './session';

/** The first page is small: its first picture is what somebody waits for. */
const firstItems = 4;
const moreItems = 8;

/** What was loaded stays while another page of ours is looked at: whoever comes back stands where they stood. */
interface Kept {
  items: FeedItem[];
  piles: Pile[];
  from: Resume;
  seen: Set<string>;
  place: number;
}
let kept: Kept | undefined;

const begun = (): Kept => ({ items: [], piles: [], from: storedSession(Date.now()), seen: new Set(), place: 0 });

export interface Feed {
  items: readonly FeedItem[];
  /** Nothing is left for now. */
  over: boolean;
  /** Something was seen before these. */
  session: boolean;
  error: unknown;
  /** Where the viewer stood. */
  place: number;
  more: () => void;
  /** stand notes where the viewer stands. */
  stand: (place: number) => void;
  /** saw notes that an item was seen. */
  saw: (id: string) => void;
  /** again begins a new session: all may come again. */
  again: () => void;
}

/** useFeed loads pages as they are needed, and remembers what was seen. */
export function useFeed(): Feed {
  const state = useRef<Kept>((kept ??= begun()));
  const [, render] = useState(0);
  const [error, setError] = useState<unknown>();
  const loading = useRef(false);

  const more = useCallback(() => {
    const now = state.current;
    const last = now.piles[now.piles.length - 1];
    if (loading.current || (last && last.next === undefined)) return;
    loading.current = true;
    const query: Record<string, string | number | undefined> = {
      limit: last ? moreItems : firstItems,
      language: [locale(), ...navigator.languages].slice(0, 8).join(','),
      cursor: last ? last.next : now.from.cursor,
      seen: !last && now.from.seen.length > 0 ? now.from.seen.join(',') : undefined,
    };
    api
      .get<FeedPage>('/v1/feed', query)
      .then(
        (page) => {
          if (state.current !== now) return;
          now.items = [...now.items, ...page.items];
          now.piles = [...now.piles, { ids: page.items.map((one) => one.id), next: page.next }];
          setError(undefined);
        },
        (cause: unknown) => setError(cause),
      )
      .finally(() => {
        loading.current = false;
        render((n) => n + 1);
      });
  }, []);

  const saw = useCallback((id: string) => {
    const now = state.current;
    now.seen.add(id);
    storeSession(goOn(now.from, now.piles, now.seen), Date.now());
  }, []);

  const again = useCallback(() => {
    storeSession(undefined, Date.now());
    state.current = kept = begun();
    render((n) => n + 1);
    more();
  }, []);

  useEffect(() => {
    if (state.current.piles.length === 0) more();
  }, []);

  const { items, piles, place } = state.current;
  return {
    items,
    over: piles.length > 0 && piles[piles.length - 1]!.next === undefined,
    session: state.current.from.cursor !== undefined || state.current.from.seen.length > 0,
    error,
    place,
    more,
    stand: (to) => (state.current.place = to),
    saw,
    again,
  };
}
