import { useEffect, useRef, useState } from 'preact/hooks';
import play from 'lucide-static/icons/play.svg?raw';
import volume from 'lucide-static/icons/volume-2.svg?raw';
import { dateTime } from '../../i18n/format';
import { t as common } from '../../i18n/common';
import type { Room, RoomView } from '../../room/room';
import { Button } from '../../ui/Button';
import { t } from './messages';

/** Stage is the picture and what takes its place when there is none. */
export function Stage({ room, view }: { room: Room; view: RoomView }) {
  const video = useRef<HTMLVideoElement>(null);
  const [wide, setWide] = useState(false);
  useEffect(() => {
    const element = video.current!;
    const measure = () => setWide(element.videoWidth > element.videoHeight);
    element.addEventListener('resize', measure);
    room.attach(element);
    return () => element.removeEventListener('resize', measure);
  }, [room]);

  return (
    <div class={wide ? 'stage stage-wide' : 'stage'}>
      <Blur video={video} on={wide} />
      <video
        ref={video}
        class="stage-video"
        playsInline
        muted
        autoPlay
        disablePictureInPicture
        aria-label={t(view.replay ? 'replayLabel' : 'videoLabel', { title: view.broadcast?.title ?? '' })}
        data-state={view.player}
        data-transport={view.transport}
      />
      <Slate room={room} view={view} />
    </div>
  );
}

function Slate({ room, view }: { room: Room; view: RoomView }) {
  const { overlay, player, broadcast } = view;
  if (!overlay || !broadcast) return null;
  const moving = player === 'playing';
  switch (overlay.state) {
    case 'ended':
      if (view.replay) break;
      return (
        <div class="slate slate-solid">
          <h2>{t('ended')}</h2>
          <p>{t('endedText')}</p>
          {view.again && (
            <Button kind="accent" svg={play} onClick={() => void room.reload()}>
              {t('watchAgain')}
            </Button>
          )}
          <a class="button button-accent" href={`/c/${broadcast.channel}`}>
            {t('channelLink', { name: broadcast.channel_name })}
          </a>
          <a class="button button-plain" href="/">
            {common('seeLive')}
          </a>
        </div>
      );
    case 'draft':
    case 'scheduled':
      return (
        <div class="slate slate-solid">
          <h2>{broadcast.starts_at ? t('scheduled', { when: dateTime(broadcast.starts_at) }) : t('scheduledSoon')}</h2>
          <p>{t('scheduledText')}</p>
        </div>
      );
    case 'interrupted':
      if (moving) break;
      return (
        <div class="slate">
          <h2>{t('interrupted')}</h2>
          <p>{t('interruptedText')}</p>
        </div>
      );
  }
  if (player === 'refused') return <div class="slate slate-solid">{t('refused')}</div>;
  if (player === 'blocked') {
    return (
      <div class="slate">
        <Button kind="accent" svg={play} onClick={() => room.unmute()}>
          {t('play')}
        </Button>
      </div>
    );
  }
  if (!moving) {
    return (
      <div class="slate slate-late" role="status">
        <p class="slate-chip">{player === 'waiting' ? t('waiting') : t('connecting')}</p>
      </div>
    );
  }
  if (view.muted) {
    return (
      <button type="button" class="sound-tap" onClick={() => room.unmute()}>
        <span dangerouslySetInnerHTML={{ __html: volume }} aria-hidden="true" /> {t('soundTap')}
      </button>
    );
  }
  return null;
}

/** Blur fills the room around a wide picture on a tall screen with the picture itself: a thumbnail, a few times a second. */
function Blur({ video, on }: { video: { current: HTMLVideoElement | null }; on: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!on) return;
    const draw = () => {
      const context = canvas.current?.getContext('2d');
      if (context && video.current && document.visibilityState === 'visible') {
        context.drawImage(video.current, 0, 0, 32, 32);
      }
    };
    draw();
    const timer = setInterval(draw, 400);
    return () => clearInterval(timer);
  }, [on]);
  return on ? <canvas ref={canvas} class="stage-blur" width={32} height={32} aria-hidden="true" /> : null;
}
