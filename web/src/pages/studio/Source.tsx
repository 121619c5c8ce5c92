import { useState } from 'preact/hooks';
import cameraIcon from 'lucide-static/icons/camera.svg?raw';
import radioIcon from 'lucide-static/icons/radio.svg?raw';
import squareIcon from 'lucide-static/icons/square.svg?raw';
import { useStore } from '../../app/store';
import { number } from '../../i18n/format';
import { Hold } from '../../manage/Hold';
import { Button } from '../../ui/Button';
import { Chips, Select } from '../../ui/Field';
import {
  camera,
  chooseCamera,
  chooseMicrophone,
  goLive,
  sending,
  stopSending,
  turnOff,
  turnOn,
  type Camera,
  type CameraProblem,
} from './camera';
import { Encoder } from './Encoder';
import { t } from './messages';
import type { PublishFailure } from './whip';

type Way = 'camera' | 'obs';

/** Source is where the picture comes from: this device, or an encoder such as OBS. */
export function Source({ channel, rehearsal }: { channel: string; rehearsal: boolean }) {
  const [way, setWay] = useState<Way>(() => (matchMedia('(pointer: coarse)').matches ? 'camera' : 'obs'));
  const now = useStore(camera);
  const shown = now.phase !== 'off' ? 'camera' : way;
  return (
    <div class="source">
      {!sending(now.publish) && (
        <Chips<Way>
          label={t('way')}
          value={shown}
          options={[
            { value: 'camera', label: t('wayCamera') },
            { value: 'obs', label: t('wayOBS') },
          ]}
          onChange={(next) => {
            if (next === 'obs') turnOff();
            setWay(next);
          }}
        />
      )}
      {shown === 'obs' ? (
        <Encoder key={channel} channel={channel} />
      ) : (
        <FromHere channel={channel} rehearsal={rehearsal} now={now} />
      )}
    </div>
  );
}

interface HereProps {
  channel: string;
  /** The team alone will see it. */
  rehearsal: boolean;
  now: Camera;
}

function FromHere({ channel, rehearsal, now }: HereProps) {
  if (now.phase === 'off' || now.phase === 'asking') {
    return (
      <div class="stack">
        <p class="muted">{t('cameraText')}</p>
        <Button kind="accent" wide svg={cameraIcon} busy={now.phase === 'asking'} onClick={() => void turnOn()}>
          {t('startCamera')}
        </Button>
      </div>
    );
  }
  if (now.phase === 'problem') return <Problem problem={now.problem ?? 'none'} />;
  return (
    <div class="stack">
      <Devices now={now} />
      {now.failure && <FailureText failure={now.failure} />}
      <Air channel={channel} rehearsal={rehearsal} now={now} />
    </div>
  );
}

function Devices({ now }: { now: Camera }) {
  const used = (kind: string) =>
    now.stream
      ?.getTracks()
      .find((one) => one.kind === kind)
      ?.getSettings().deviceId;
  return (
    <div class="stack stack-tight">
      {now.cameras.length > 1 && (
        <Select
          label={t('cameraChoice')}
          value={used('video')}
          onChange={(event) => void chooseCamera(event.currentTarget.value)}
        >
          {now.cameras.map((one) => (
            <option key={one.deviceId} value={one.deviceId}>
              {one.label}
            </option>
          ))}
        </Select>
      )}
      {now.microphones.length > 1 && (
        <Select
          label={t('micChoice')}
          value={used('audio')}
          onChange={(event) => void chooseMicrophone(event.currentTarget.value)}
        >
          {now.microphones.map((one) => (
            <option key={one.deviceId} value={one.deviceId}>
              {one.label}
            </option>
          ))}
        </Select>
      )}
    </div>
  );
}

function Air({ channel, rehearsal, now }: HereProps) {
  const on = sending(now.publish);
  const text = {
    idle: '',
    failed: '',
    connecting: 'connecting',
    live: 'sending',
    reconnecting: 'reconnecting',
  } as const;
  const state = text[now.publish];
  return (
    <div class="stack stack-tight">
      {on ? (
        <>
          <p class="source-state" data-state={now.publish} role="status">
            {state && t(state)}
          </p>
          {now.figures && (
            <p class="small muted tabular">
              {t('kilobits', { value: Math.round(now.figures.bitrate / 1000) })} ·{' '}
              {number(Math.round(now.figures.frameRate))} fps
              {now.figures.limitedBy === 'cpu' && ` · ${t('limitedCpu')}`}
              {now.figures.limitedBy === 'bandwidth' && ` · ${t('limitedBandwidth')}`}
            </p>
          )}
          <Hold kind="bad" wide svg={squareIcon} onHold={() => void stopSending()}>
            {t('stopSending')}
          </Hold>
          <p class="small muted">{t('wakeLock')}</p>
        </>
      ) : (
        <Hold kind="accent" wide svg={radioIcon} onHold={() => goLive(channel)}>
          {t(rehearsal ? 'goRehearse' : 'goLive')}
        </Hold>
      )}
    </div>
  );
}

function FailureText({ failure }: { failure: PublishFailure }) {
  const texts = {
    role: 'failedRole',
    resting: 'failedResting',
    codec: 'failedCodec',
    network: 'failedNetwork',
    refused: 'failedRefused',
  } as const;
  return (
    <p class="source-failure" role="alert">
      {t(texts[failure])}
    </p>
  );
}

function Problem({ problem }: { problem: CameraProblem }) {
  const texts = {
    denied: ['denied', 'deniedText'],
    none: ['noCamera', 'noCameraText'],
    taken: ['cameraBusy', 'cameraBusyText'],
    insecure: ['insecure', 'insecureText'],
  } as const;
  const [title, text] = texts[problem];
  return (
    <div class="stack" role="alert">
      <h3>{t(title)}</h3>
      <p class="muted">{t(text)}</p>
      {problem !== 'insecure' && (
        <Button wide svg={cameraIcon} onClick={() => void turnOn()}>
          {t('startCamera')}
        </Button>
      )}
    </div>
  );
}
