import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import flipIcon from 'lucide-static/icons/switch-camera.svg?raw';
import micIcon from 'lucide-static/icons/mic.svg?raw';
import micOffIcon from 'lucide-static/icons/mic-off.svg?raw';
import soundIcon from 'lucide-static/icons/volume-2.svg?raw';
import muteIcon from 'lucide-static/icons/volume-x.svg?raw';
import { useStore } from '../../app/store';
import { dateTime } from '../../i18n/format';
import { Player, type PlayerState } from '../../player';
import { Button, IconButton } from '../../ui/Button';
import { camera, flip, resume, toggleMic, type Camera } from './camera';
import { Meter } from './Meter';
import { t } from './messages';
import { isOn, latencyOf } from './room';
import { useLate } from './useLate';
import type { RoomData } from './useRoom';

interface Props {
  data: RoomData;
  /** Where the media time of the frame on screen is kept: the pin sends it. */
  shown: RefObject<number | undefined>;
  onLatency: (milliseconds: number | undefined) => void;
}

/** Preview is the camera of this device, or what viewers see where the picture comes from elsewhere. */
export function Preview({ data, shown, onLatency }: Props) {
  const here = useStore(camera);
  const { broadcast, room } = data;
  const own = here.stream && here.phase === 'on';
  const onAir = isOn(room);
  useEffect(() => {
    // One's own camera is now: the server's live edge is the frame that the creator sees.
    if (own || !onAir) {
      shown.current = undefined;
      onLatency(undefined);
    }
  }, [Boolean(own), onAir]);

  if (own) return <OwnCamera now={here} stream={here.stream!} />;
  if (onAir && broadcast) return <OnAir key={broadcast.id} data={data} shown={shown} onLatency={onLatency} />;
  return (
    <div class="screen">
      <div class="screen-note">
        <h2>{t('waitingForSignal')}</h2>
        <p>
          {broadcast?.state === 'scheduled' && broadcast.starts_at
            ? t('startsLater', { date: dateTime(broadcast.starts_at) })
            : t(broadcast?.state === 'rehearsal' ? 'waitingRehearsal' : 'waitingForSignalText')}
        </p>
      </div>
    </div>
  );
}

function OwnCamera({ now, stream }: { now: Camera; stream: MediaStream }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current) video.current.srcObject = stream;
  }, [stream]);
  // A mirror is what people expect of the camera that looks at them; viewers see it the right way round.
  return (
    <div class="screen">
      <video ref={video} class={now.facing === 'user' ? 'screen-mirror' : ''} autoPlay muted playsInline />
      <div class="screen-tools">
        <Meter stream={stream} on={now.micOn} />
        <IconButton
          svg={now.micOn ? micIcon : micOffIcon}
          label={now.micOn ? t('micOff') : t('micOn')}
          aria-pressed={!now.micOn}
          onClick={toggleMic}
        />
        <IconButton svg={flipIcon} label={t('flip')} onClick={() => void flip()} />
      </div>
      {now.paused && (
        <div class="screen-note" role="alert">
          <h2>{t('cameraPaused')}</h2>
          <p>{t('cameraPausedText')}</p>
          <Button kind="accent" onClick={() => void resume()}>
            {t('resumeCamera')}
          </Button>
        </div>
      )}
    </div>
  );
}

/** How often the delay is read: a figure that changes more often cannot be read. */
const latencyMilliseconds = 1000;

function OnAir({ data, shown, onLatency }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const player = useRef<Player | undefined>(undefined);
  const [state, setState] = useState<PlayerState>('connecting');
  const [muted, setMuted] = useState(true);
  const latest = useRef(data);
  latest.current = data;
  const transports = data.broadcast!.transports ?? [];
  const anchors = data.room?.anchors ?? [];

  useEffect(() => {
    if (!video.current || transports.length === 0) return;
    const edge = () => {
      const { ahead, room } = latest.current;
      const anchor = room?.anchors.at(-1);
      if (ahead === undefined || !anchor) return undefined;
      return anchor.media_time + (Date.now() + ahead - Date.parse(anchor.wall)) * 1000;
    };
    let pictureAt = 0;
    const playing = new Player({
      video: video.current,
      transports,
      token: data.broadcast!.grant,
      anchors,
      liveEdge: edge,
      onState: setState,
      onMuted: setMuted,
      onFrame: (frame) => {
        shown.current = frame.mediaTime;
        pictureAt = Date.now();
      },
    });
    player.current = playing;
    playing.start();
    const timer = setInterval(() => {
      const { ahead, room } = latest.current;
      const fresh = Date.now() - pictureAt < 2 * latencyMilliseconds;
      onLatency(fresh ? latencyOf(room?.anchors ?? [], shown.current, Date.now(), ahead ?? 0) : undefined);
    }, latencyMilliseconds);
    return () => {
      clearInterval(timer);
      playing.stop();
      shown.current = undefined;
      onLatency(undefined);
    };
  }, [transports.map((one) => one.url.replace(/~[^/]*/, '~')).join(' ')]);
  useEffect(() => player.current?.setAnchors(anchors), [anchors]);

  const rehearsal = data.room?.state === 'rehearsal';
  const silent = useLate(rehearsal && !data.broadcast!.health, 4000); // a rehearsal is never interrupted: it has no encoder
  const lost = data.room?.state === 'interrupted' || silent;
  return (
    <div class="screen">
      <video ref={video} autoPlay muted playsInline />
      <div class="screen-tools">
        <IconButton
          svg={muted ? muteIcon : soundIcon}
          label={muted ? t('soundOn') : t('soundOff')}
          onClick={() => (muted ? player.current?.unmute() : player.current?.mute())}
        />
      </div>
      {lost ? (
        <div class="screen-note" role="alert">
          <h2>{t('signalLost')}</h2>
          <p>{t(rehearsal ? 'signalLostRehearsal' : 'signalLostText')}</p>
        </div>
      ) : (
        state === 'blocked' && (
          <div class="screen-note">
            <Button kind="accent" onClick={() => player.current?.toLive()}>
              {t('tapForPreview')}
            </Button>
          </div>
        )
      )}
    </div>
  );
}
