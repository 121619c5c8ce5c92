import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import down from 'lucide-static/icons/chevron-down.svg?raw';
import play from 'lucide-static/icons/play.svg?raw';
import up from 'lucide-static/icons/chevron-up.svg?raw';
import volume from 'lucide-static/icons/volume-2.svg?raw';
import volumeOff from 'lucide-static/icons/volume-x.svg?raw';
import x from 'lucide-static/icons/x.svg?raw';
import { api, ApiError } from '../../api/client';
import { explain } from '../../api/errors';
import { useLoad } from '../../api/load';
import type { MediaTime, Page, Pin } from '../../api/types';
import { navigate, type PathParams } from '../../app/router';
import { useStore } from '../../app/store';
import { account } from '../../auth/auth';
import { together } from '../../i18n/catalogue';
import { t as common } from '../../i18n/common';
import { clock } from '../../i18n/format';
import { Player } from '../../player';
import { BuySheet } from '../../shop/BuySheet';
import { messages as shopMessages } from '../../shop/messages';
import { loadWallet, wallet } from '../../shop/wallet';
import { Button, IconButton } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import type { Video } from '../videos/data';
import { CaptionMenu } from './CaptionMenu';
import { lies, PinCard, same } from './cards';
import { own, t } from './messages';
import './pins.css';
import './video.css';

export const messages = together(own, shopMessages);

/** A finger that moved so far wants the next video. */
const swipePixels = 60;

/** VideoPage plays one short video with its products, and leads to the next. */
export default function VideoPage({ params }: { params: PathParams }) {
  const id = params['id']!;
  const path = `/v1/videos/${encodeURIComponent(id)}`;
  const video = useLoad((signal) => api.get<Video>(path, undefined, signal), [id]);
  const scene = useLoad((signal) => api.get<{ pins: Pin[] }>(`${path}/scene`, undefined, signal), [id]);
  const list = useLoad((signal) => api.get<Page<Video>>('/v1/videos', { limit: 50 }, signal), []);
  const who = useStore(account);
  const [at, setAt] = useState<MediaTime>(0);
  const [buying, setBuying] = useState<string>();
  const time = useRef<MediaTime>(0);

  useEffect(() => {
    if (who && !wallet.get()) loadWallet().catch(() => undefined);
  }, [who?.id]);
  const title = video.data?.title;
  useEffect(() => {
    document.title = title ? `${title} · Hawker` : 'Hawker';
    return () => void (document.title = 'Hawker');
  }, [title]);

  if (video.error && !video.data) {
    const missing = video.error instanceof ApiError && video.error.status === 404;
    const home = (
      <a class="button button-accent" href="/">
        {common('seeLive')}
      </a>
    );
    if (missing) return <Notice title={common('notFound')} text={common('notFoundText')} action={home} />;
    const again = <Button onClick={video.reload}>{common('retry')}</Button>;
    return <Notice title={common('broken')} text={explain(video.error)} action={again} />;
  }

  const cards = scene.data?.pins ?? [];
  const zero = video.data?.from ?? 0; // a clip's frames have the show's times, its products those of the clip
  const shown = video.data && still(video.data) ? cards : cards.filter((card) => lies(card, at - zero));
  const offer = cards.find((card) => card.id === buying);
  const items = list.data?.items ?? [];
  const place = items.findIndex((one) => one.id === id);
  const beside = (step: number) => items[place + step]?.id;
  const go = (step: number) => {
    const to = beside(step);
    if (to) navigate(`/v/${to}`, true);
  };

  return (
    <main class="short" data-video={id}>
      <Swipe onGo={go}>
        {video.data && (
          <Screen
            key={id}
            video={video.data}
            onFrame={(frame) => {
              time.current = frame;
              // Only a change of what lies on the frame renders anything.
              setAt((before) => (same(cards, before - zero, frame - zero) ? before : frame));
            }}
          />
        )}
      </Swipe>
      <header class="short-head">
        <IconButton svg={x} label={t('leave')} onClick={() => navigate('/')} />
        {video.data && (
          <a class="short-channel user-text" dir="auto" href={`/c/${video.data.channel_handle}`}>
            {video.data.channel_name}
          </a>
        )}
      </header>
      <nav class="short-rail">
        <IconButton svg={up} label={t('previous')} disabled={!beside(-1)} onClick={() => go(-1)} />
        <IconButton svg={down} label={t('next')} disabled={!beside(1)} onClick={() => go(1)} />
      </nav>
      <div class="short-lower">
        {video.data && <Words video={video.data} />}
        <ul class="short-pins">
          {shown.map((card) => (
            <PinCard key={card.id} card={card} onBuy={() => setBuying(card.id)} />
          ))}
        </ul>
      </div>
      <BuySheet
        offer={
          offer && {
            product: offer.product,
            variants: offer.variants,
            refresh: () => Promise.resolve(scene.reload()),
            context: () => ({ video: id, pin: offer.id, media_time: Math.max(0, Math.round(time.current)) }),
          }
        }
        onClose={() => setBuying(undefined)}
      />
    </main>
  );
}

/** still tells whether it does not move: a picture, or a story of one. */
function still(video: Video): boolean {
  return !!video.poster && video.duration === 0;
}

/** Screen is the picture, still or moving. */
function Screen({ video, onFrame }: { video: Video; onFrame: (at: MediaTime) => void }) {
  if (still(video)) {
    return <img class="short-picture" src={video.poster} alt={video.title || t('untitled')} />;
  }
  const url = video.transports.find((one) => one.kind === 'hls')?.url;
  if (!url) {
    return <Notice title={video.state === 'failed' ? t('gone') : t('processing')} />;
  }
  return <Moving video={video} url={url} onFrame={onFrame} />;
}

function Moving({ video, url, onFrame }: { video: Video; url: string; onFrame: (at: MediaTime) => void }) {
  const element = useRef<HTMLVideoElement>(null);
  const player = useRef<Player | undefined>(undefined);
  const [muted, setMuted] = useState(true);
  const [state, setState] = useState<string>('connecting');
  const [progress, setProgress] = useState({ time: 0, length: 0, paused: false });
  const latest = useRef(onFrame);
  latest.current = onFrame;

  useEffect(() => {
    const screen = element.current!;
    const made = new Player({
      video: screen,
      transports: [{ kind: 'hls', url }],
      replay: true,
      onState: setState,
      onMuted: setMuted,
      onFrame: (frame) => latest.current(frame.mediaTime),
    });
    player.current = made;
    made.start();
    const tell = () => setProgress({ time: screen.currentTime, length: screen.duration || 0, paused: screen.paused });
    const again = () => {
      screen.currentTime = 0;
      void screen.play().catch(() => undefined);
    };
    const kinds = ['timeupdate', 'durationchange', 'play', 'pause', 'seeking'];
    kinds.forEach((kind) => screen.addEventListener(kind, tell));
    screen.addEventListener('ended', again);
    return () => {
      kinds.forEach((kind) => screen.removeEventListener(kind, tell));
      screen.removeEventListener('ended', again);
      made.stop();
    };
  }, [url]);

  const toggle = () => {
    if (element.current?.paused) void element.current.play().catch(() => undefined);
    else element.current?.pause();
  };
  return (
    <>
      <video
        ref={element}
        class={video.height > video.width ? 'short-video short-tall' : 'short-video'}
        playsInline
        muted
        autoPlay
        poster={video.poster}
        aria-label={t('videoLabel', { title: video.title || t('untitled') })}
        data-state={state}
        onClick={toggle}
      />
      {progress.paused && state === 'playing' && (
        <IconButton class="short-play" svg={play} size={40} label={t('play')} onClick={toggle} />
      )}
      <div class="short-bar">
        <IconButton
          svg={muted ? volumeOff : volume}
          label={muted ? t('sound') : t('soundOff')}
          onClick={() => (muted ? player.current?.unmute() : player.current?.mute())}
        />
        <CaptionMenu element={element} />
        <input
          type="range"
          min={0}
          max={progress.length}
          step={0.05}
          value={progress.time}
          aria-label={t('seek')}
          aria-valuetext={`${clock(progress.time)} / ${clock(progress.length)}`}
          onInput={(event) => {
            element.current!.currentTime = Number(event.currentTarget.value);
          }}
        />
      </div>
    </>
  );
}

/** Swipe leads on with a finger, the wheel's keys and nothing else: scrolling by accident leads nowhere. */
function Swipe({ onGo, children }: { onGo: (step: number) => void; children: ComponentChildren }) {
  const from = useRef<number | undefined>(undefined);
  const latest = useRef(onGo);
  latest.current = onGo;
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if ((event.target as Element | null)?.closest('input, textarea, select, [role=dialog]')) return;
      if (event.key === 'ArrowDown') latest.current(1);
      if (event.key === 'ArrowUp') latest.current(-1);
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, []);
  return (
    <div
      class="short-stage"
      onTouchStart={(event) => (from.current = event.touches[0]?.clientY)}
      onTouchEnd={(event) => {
        const moved = (event.changedTouches[0]?.clientY ?? 0) - (from.current ?? 0);
        if (from.current !== undefined && Math.abs(moved) > swipePixels) onGo(moved < 0 ? 1 : -1);
        from.current = undefined;
      }}
    >
      {children}
    </div>
  );
}

function Words({ video }: { video: Video }) {
  return (
    <div class="short-words">
      {video.state !== 'published' && <p class="short-note">{t('draft')}</p>}
      {video.title && (
        <h1 class="user-text" dir="auto">
          {video.title}
        </h1>
      )}
      {video.caption && (
        <p class="user-text" dir="auto">
          {video.caption}
        </p>
      )}
    </div>
  );
}
