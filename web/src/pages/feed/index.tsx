import { useEffect, useRef, useState } from 'preact/hooks';
import radio from 'lucide-static/icons/radio.svg?raw';
import down from 'lucide-static/icons/chevron-down.svg?raw';
import up from 'lucide-static/icons/chevron-up.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery, useLoad } from '../../api/load';
import type { BroadcastItem, Page } from '../../api/types';
import { useStore } from '../../app/store';
import { TopBar } from '../../app/TopBar';
import { account } from '../../auth/auth';
import { together } from '../../i18n/catalogue';
import { t as common } from '../../i18n/common';
import { BuySheet } from '../../shop/BuySheet';
import { messages as shopMessages } from '../../shop/messages';
import { loadWallet, wallet } from '../../shop/wallet';
import { Button, IconButton } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { Icon } from '../../ui/Icon';
import { Sheet } from '../../ui/Sheet';
import '../video/pins.css';
import type { FeedItem } from './data';
import { messages as own, t } from './messages';
import { Show } from './Show';
import { Signals } from './signals';
import { Slide, type Buying } from './Slide';
import { useFeed } from './useFeed';
import { Why } from './Why';
import './feed.css';

export const messages = together(own, shopMessages);

/** A show is on the list within two seconds of its beginning. */
const everyMilliseconds = 1800;
/** So many before the last one the next page is asked for. */
const ahead = 3;

export default function FeedPage() {
  const feed = useFeed();
  const { signals, scroller, here, go } = useStanding(feed.items.length, feed.place, feed.stand);
  const [muted, setMuted] = useState(true);
  const [why, setWhy] = useState<FeedItem>();
  const [explained, setExplained] = useState(false);
  const [buying, setBuying] = useState<Buying>();
  const who = useStore(account);
  const live = useLoad((signal) => api.get<Page<BroadcastItem>>('/v1/broadcasts', { state: 'live' }, signal), []);
  useEvery(everyMilliseconds, () => {
    live.reload();
    if (feed.over && feed.items.length === 0) feed.again(); // something may have begun
  });
  useEffect(() => {
    if (here >= feed.items.length - ahead && feed.items.length > 0) feed.more();
  }, [here, feed.items.length]);
  useEffect(() => {
    if (who && !wallet.get()) loadWallet().catch(() => undefined);
  }, [who?.id]);

  const empty = feed.over && feed.items.length === 0;
  return (
    <div class="feed-page">
      <div class="feed-top">
        <TopBar>
          <LiveNow shows={live.data?.items ?? []} />
        </TopBar>
      </div>
      <main>
        <h1 class="visually-hidden">{t('feed')}</h1>
        <div
          class="feed"
          role="feed"
          aria-label={t('feed')}
          aria-busy={feed.items.length === 0 && !empty}
          ref={scroller}
        >
          {feed.items.map((item, place) => (
            <Slide
              key={item.id}
              item={item}
              place={place}
              active={place === here}
              near={Math.abs(place - here) <= 1}
              muted={muted}
              onMuted={setMuted}
              onWhy={() => {
                setWhy(item);
                setExplained(true);
              }}
              onBuy={setBuying}
              onSeen={() => {
                feed.saw(item.id);
                signals.impression(item.id, !!item.boost);
              }}
              onWatched={(milliseconds) => signals.watched(item.id, milliseconds)}
            />
          ))}
          {feed.items.length === 0 && !empty && !feed.error && (
            <div class="slide slide-waiting" aria-hidden="true">
              <span class="slide-media skeleton" />
            </div>
          )}
          {!!feed.error && (
            <section class="slide slide-notice" data-slide={feed.items.length}>
              <Notice
                title={common('broken')}
                text={explain(feed.error)}
                action={<Button onClick={feed.more}>{common('retry')}</Button>}
              />
            </section>
          )}
          {empty && !live.data?.items.length && !feed.session && (
            <section class="slide slide-notice" data-slide={0}>
              <Notice
                svg={<Icon svg={radio} size={40} />}
                title={t('emptyTitle')}
                text={t('emptyText')}
                action={
                  <a class="button button-plain" href="/studio">
                    {t('goLive')}
                  </a>
                }
              />
            </section>
          )}
          {feed.over && (feed.items.length > 0 || feed.session) && (
            <section class="slide slide-notice" data-slide={feed.items.length}>
              <Notice
                title={t('overTitle')}
                text={t('overText')}
                action={<Button onClick={feed.again}>{t('again')}</Button>}
              />
            </section>
          )}
        </div>
      </main>
      <nav class="feed-steps">
        <IconButton svg={up} label={t('previous')} disabled={here === 0} onClick={() => go(-1)} />
        <IconButton svg={down} label={t('next')} disabled={here >= feed.items.length} onClick={() => go(1)} />
      </nav>
      <Why item={why} open={explained} onClose={() => setExplained(false)} />
      <BuySheet
        offer={
          buying && {
            product: buying.pin.product,
            variants: buying.pin.variants,
            refresh: () => Promise.resolve(buying.reload()),
            context: () => ({
              video: buying.video,
              pin: buying.pin.id,
              media_time: Math.max(0, Math.round(buying.at())),
            }),
          }
        }
        onClose={() => setBuying(undefined)}
      />
    </div>
  );
}

/** useStanding follows which slide is looked at, by scroll, swipe or key, and brings whoever comes back to theirs. */
function useStanding(count: number, begin: number, stand: (place: number) => void) {
  const scroller = useRef<HTMLDivElement>(null);
  const [signals] = useState(() => new Signals());
  const [here, setHere] = useState(begin);
  const restored = useRef(false);

  useEffect(() => {
    const list = scroller.current;
    if (!list) return;
    if (!restored.current && count > begin) {
      restored.current = true;
      list.querySelector(`[data-slide="${begin}"]`)?.scrollIntoView({ behavior: 'instant' as ScrollBehavior });
    }
    const watcher = new IntersectionObserver(
      (seen) => {
        for (const one of seen) {
          if (one.intersectionRatio < 0.6) continue;
          const place = Number((one.target as HTMLElement).dataset['slide']);
          setHere(place);
          stand(place);
        }
      },
      { root: list, threshold: 0.6 },
    );
    list.querySelectorAll('[data-slide]').forEach((slide) => watcher.observe(slide));
    return () => watcher.disconnect();
  });

  const go = (step: number) => {
    const to = scroller.current?.querySelector<HTMLElement>(`[data-slide="${here + step}"]`);
    to?.scrollIntoView();
    to?.focus({ preventScroll: true });
  };
  const latest = useRef(go);
  latest.current = go;
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if ((event.target as Element | null)?.closest('input, textarea, select, [role=dialog]')) return;
      const step = { ArrowDown: 1, PageDown: 1, j: 1, ArrowUp: -1, PageUp: -1, k: -1 }[event.key];
      if (!step || event.metaKey || event.ctrlKey || event.altKey) return;
      event.preventDefault();
      latest.current(step);
    };
    const hidden = () => document.visibilityState === 'hidden' && signals.flush();
    addEventListener('keydown', key);
    document.addEventListener('visibilitychange', hidden);
    return () => {
      removeEventListener('keydown', key);
      document.removeEventListener('visibilitychange', hidden);
      setTimeout(() => signals.flush()); // what the slides say as they go is in it
    };
  }, []);
  return { signals, scroller, here, go };
}

/** LiveNow leads to what is on air, whether it was seen or not. */
function LiveNow({ shows }: { shows: readonly BroadcastItem[] }) {
  const [open, setOpen] = useState(false);
  if (shows.length === 0) return null;
  return (
    <>
      <button class="feed-live" type="button" onClick={() => setOpen(true)}>
        <span class="feed-dot" aria-hidden="true" /> {t('liveNow', { count: shows.length })}
      </button>
      <Sheet title={t('title')} open={open} onClose={() => setOpen(false)}>
        <ul class="shows">
          {shows.map((item) => (
            <Show key={item.id} item={item} />
          ))}
        </ul>
      </Sheet>
    </>
  );
}
