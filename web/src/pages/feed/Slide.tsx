import { useEffect, useRef, useState } from 'preact/hooks';
import bag from 'lucide-static/icons/shopping-bag.svg?raw';
import eye from 'lucide-static/icons/eye.svg?raw';
import info from 'lucide-static/icons/info.svg?raw';
import share from 'lucide-static/icons/share-2.svg?raw';
import volume from 'lucide-static/icons/volume-2.svg?raw';
import volumeOff from 'lucide-static/icons/volume-x.svg?raw';
import { api } from '../../api/client';
import { useLoad } from '../../api/load';
import type { MediaTime, Pin } from '../../api/types';
import { t as common } from '../../i18n/common';
import { compact } from '../../i18n/format';
import { IconButton } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { toast } from '../../ui/Toast';
import { lies, PinCard, same } from '../video/cards';
import { Screen, posterOf } from './Screen';
import type { FeedItem } from './data';
import { t } from './messages';
import { seenMilliseconds } from './signals';

export interface Buying {
  video: string;
  pin: Pin;
  at: () => MediaTime;
  reload: () => void;
}

interface Props {
  item: FeedItem;
  place: number;
  active: boolean;
  /** Its picture is wanted soon. */
  near: boolean;
  muted: boolean;
  onMuted: (muted: boolean) => void;
  onWhy: () => void;
  onBuy: (buying: Buying) => void;
  onSeen: () => void;
  onWatched: (milliseconds: number) => void;
}

export function channelOf(item: FeedItem): { name: string; handle: string } {
  const of = item.broadcast ?? item.video!;
  return { name: of.channel_name, handle: of.channel_handle };
}

export function addressOf(item: FeedItem): string {
  return item.kind === 'live' ? `/b/${item.id}` : `/v/${item.id}`;
}

/** Slide is one item on a screen of its own. Only the one that is looked at plays. */
export function Slide({ item, place, active, near, muted, onMuted, onWhy, onBuy, onSeen, onWatched }: Props) {
  const [at, setAt] = useState<MediaTime>(0);
  const time = useRef<MediaTime>(0);
  const latest = useRef({ onSeen, onWatched });
  latest.current = { onSeen, onWatched };
  const still = !!item.video && item.video.duration === 0; // a picture, or a story of one
  const scene = useLoad<{ pins: Pin[] } | undefined>(
    (signal) =>
      active && item.video ? api.get(`/v1/videos/${item.id}/scene`, undefined, signal) : Promise.resolve(undefined),
    [item.id, active],
  );

  useEffect(() => {
    if (!active) return;
    const from = performance.now();
    const timer = setTimeout(() => latest.current.onSeen(), seenMilliseconds);
    return () => {
      clearTimeout(timer);
      if (still) latest.current.onWatched(performance.now() - from);
    };
  }, [active]);

  const cards = scene.data?.pins ?? [];
  const zero = item.video?.from ?? 0; // a clip's frames have the show's times, its products those of the clip
  const shown = still ? cards : cards.filter((card) => lies(card, at - zero));
  const channel = channelOf(item);
  const title = item.video?.title || item.broadcast?.title || channel.name;
  const heading = `slide-${item.id}`;
  return (
    <article
      class="slide"
      tabIndex={-1}
      aria-labelledby={heading}
      aria-posinset={place + 1}
      aria-setsize={-1}
      data-slide={place}
      data-kind={item.kind}
      data-video={item.video?.id}
      data-broadcast={item.broadcast?.id}
      data-boost={item.boost?.kind}
      data-active={active ? 'true' : undefined}
    >
      {active && !still && item.transports.length > 0 ? (
        <Screen
          item={item}
          muted={muted}
          onLeft={(milliseconds) => latest.current.onWatched(milliseconds)}
          onFrame={(frame) => {
            time.current = frame;
            setAt((before) => (same(cards, before - zero, frame - zero) ? before : frame));
          }}
        />
      ) : (
        (active || near) && <Poster item={item} />
      )}
      <div class="slide-lower">
        <div class="slide-words">
          <p class="slide-badges">
            {item.kind === 'live' && (
              <span class="slide-live">
                {common('live')}
                {!!item.broadcast?.viewers && (
                  <>
                    {' '}
                    <Icon svg={eye} size={14} /> <span class="tabular">{compact(item.broadcast.viewers)}</span>
                    <span class="visually-hidden">{common('viewers', { count: item.broadcast.viewers })}</span>
                  </>
                )}
              </span>
            )}
            {item.boost && (
              <span class="slide-badge slide-boost">
                {item.boost.kind === 'paid' ? t('sponsored', { by: item.boost.by }) : t('editorial')}
              </span>
            )}
            {item.kind === 'story' && <span class="slide-badge">{t('story')}</span>}
            {item.kind === 'clip' && <span class="slide-badge">{t('clip')}</span>}
          </p>
          <a class="slide-channel user-text" dir="auto" href={`/c/${channel.handle}`}>
            {channel.name}
          </a>
          <h2 id={heading}>
            <a class="slide-title user-text" dir="auto" href={addressOf(item)}>
              {title}
            </a>
          </h2>
          {item.video?.caption && (
            <p class="slide-caption user-text" dir="auto">
              {item.video.caption}
            </p>
          )}
        </div>
        <ul class="short-pins">
          {shown.slice(0, 1).map((card) => (
            <PinCard
              key={card.id}
              card={card}
              onBuy={() => onBuy({ video: item.id, pin: card, at: () => time.current, reload: scene.reload })}
            />
          ))}
        </ul>
        {shown.length > 1 && (
          <a class="slide-more" href={addressOf(item)}>
            <Icon svg={bag} size={18} /> {t('moreProducts', { count: shown.length - 1 })}
          </a>
        )}
        {item.kind === 'live' && (
          <a class="button button-accent button-wide" href={addressOf(item)}>
            {item.broadcast?.state === 'interrupted' ? t('interrupted') : t('watch')}
          </a>
        )}
      </div>
      <div class="slide-rail">
        {!still && (
          <IconButton
            svg={muted ? volumeOff : volume}
            label={muted ? t('sound') : t('soundOff')}
            onClick={() => onMuted(!muted)}
          />
        )}
        <IconButton svg={share} label={t('share')} onClick={() => void shareIt(title, addressOf(item))} />
        <IconButton svg={info} label={t('why')} onClick={onWhy} data-why={item.id} />
      </div>
    </article>
  );
}

async function shareIt(title: string, path: string): Promise<void> {
  const url = location.origin + path;
  try {
    if (navigator.share) await navigator.share({ title, url });
    else {
      await navigator.clipboard.writeText(url);
      toast(t('copied'));
    }
  } catch {
    // The viewer changed their mind, or the browser does not allow it: nothing is lost.
  }
}

/** Poster lies over a drawn ground, which stays where there is no picture. */
function Poster({ item }: { item: FeedItem }) {
  const [missing, setMissing] = useState(false);
  const src = posterOf(item);
  if (!src || missing) {
    return (
      <span class="slide-media slide-ground" aria-hidden="true">
        {[...channelOf(item).name][0]}
      </span>
    );
  }
  const tall = !item.video || item.video.height > item.video.width;
  return (
    <img
      class={tall && item.video?.duration !== 0 ? 'slide-media slide-tall' : 'slide-media'}
      src={src}
      alt={item.video?.duration === 0 ? item.video?.title || t('picture') : ''}
      onError={() => setMissing(true)}
    />
  );
}
