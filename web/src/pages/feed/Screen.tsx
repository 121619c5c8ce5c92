import { useEffect, useRef, useState } from 'preact/hooks';
import play from 'lucide-static/icons/play.svg?raw';
import type { MediaTime } from '../../api/types';
import type { Player } from '../../player';
import { Icon } from '../../ui/Icon';
import { t } from './messages';
import type { FeedItem } from './data';

interface Props {
  item: FeedItem;
  muted: boolean;
  onFrame: (at: MediaTime) => void;
  /** Told as the screen goes: for how long its picture moved. */
  onLeft: (milliseconds: number) => void;
}

/** Screen plays the item that is looked at; the player comes when the first one is. */
export function Screen({ item, muted, onFrame, onLeft }: Props) {
  const element = useRef<HTMLVideoElement>(null);
  const bar = useRef<HTMLSpanElement>(null);
  const player = useRef<Player | undefined>(undefined);
  const [paused, setPaused] = useState(false);
  const latest = useRef({ onFrame, onLeft, muted });
  latest.current = { onFrame, onLeft, muted };
  const live = item.kind === 'live';
  const url = item.transports.find((one) => one.kind === 'hls')!.url;

  useEffect(() => {
    const screen = element.current!;
    let gone = false;
    let watched = 0;
    let since: number | undefined;
    const moving = () => (since ??= performance.now());
    const still = () => {
      if (since !== undefined) watched += performance.now() - since;
      since = undefined;
    };
    const tell = () => {
      setPaused(screen.paused && screen.readyState > 1);
      if (bar.current && screen.duration > 0 && !live)
        bar.current.style.transform = `scaleX(${screen.currentTime / screen.duration})`;
    };
    const over = () => {
      screen.currentTime = 0;
      void screen.play().catch(() => undefined);
    };
    const heard: [string, () => void][] = [
      ['playing', moving],
      ['pause', still],
      ['waiting', still],
      ['timeupdate', tell],
      ['play', tell],
      ['pause', tell],
      ['ended', over],
    ];
    heard.forEach(([kind, listener]) => screen.addEventListener(kind, listener));
    void import('../../player').then(({ Player: Made }) => {
      if (gone) return;
      const made = new Made({
        video: screen,
        transports: [{ kind: 'hls', url }],
        replay: !live,
        onFrame: (frame) => latest.current.onFrame(frame.mediaTime),
        onState: (state) => (screen.dataset['state'] = state),
      });
      player.current = made;
      made.start();
      if (!latest.current.muted) made.unmute();
    });
    return () => {
      gone = true;
      still();
      heard.forEach(([kind, listener]) => screen.removeEventListener(kind, listener));
      player.current?.stop();
      player.current = undefined;
      latest.current.onLeft(watched);
    };
  }, [url]);

  useEffect(() => {
    if (muted) player.current?.mute();
    else player.current?.unmute();
  }, [muted]);

  const toggle = () => {
    if (element.current?.paused) void element.current.play().catch(() => undefined);
    else element.current?.pause();
  };
  const title = item.video?.title ?? item.broadcast?.title ?? '';
  return (
    <>
      <video
        ref={element}
        class={!item.video || item.video.height > item.video.width ? 'slide-media slide-tall' : 'slide-media'}
        playsInline
        muted
        autoPlay
        poster={posterOf(item)}
        aria-label={t('videoLabel', { title })}
        onClick={toggle}
      />
      {paused && (
        <button class="slide-play" type="button" aria-label={t('play')} onClick={toggle}>
          <Icon svg={play} size={40} />
        </button>
      )}
      <span class="slide-bar" aria-hidden="true">
        <span ref={bar} />
      </span>
    </>
  );
}

/** posterOf is the picture of an item that does not play. */
export function posterOf(item: FeedItem): string | undefined {
  return item.broadcast ? `/v1/broadcasts/${item.broadcast.id}/poster.jpg` : item.video?.poster;
}
