import { useEffect, useState } from 'preact/hooks';
import cameraIcon from 'lucide-static/icons/camera.svg?raw';
import keyIcon from 'lucide-static/icons/key-round.svg?raw';
import radioIcon from 'lucide-static/icons/radio.svg?raw';
import squareIcon from 'lucide-static/icons/square.svg?raw';
import { ApiError } from '../../api/client';
import { explain } from '../../api/errors';
import { useStore } from '../../app/store';
import { number } from '../../i18n/format';
import { Copy } from '../../manage/Copy';
import { Hold } from '../../manage/Hold';
import { Button } from '../../ui/Button';
import { Chips, Field, Select } from '../../ui/Field';
import { toast } from '../../ui/Toast';
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
import { t } from './messages';
import { looksLikeKey, rememberedKey, rememberKey, rotateKey } from './streamKey';
import type { PublishFailure } from './whip';

type Way = 'camera' | 'obs';

/** Source is where the picture comes from: this device, or an encoder such as OBS. */
export function Source({ channel }: { channel: string }) {
  const [way, setWay] = useState<Way>(() => (matchMedia('(pointer: coarse)').matches ? 'camera' : 'obs'));
  const now = useStore(camera);
  const [key, setKey] = useState(() => rememberedKey(channel));
  useEffect(() => setKey(rememberedKey(channel)), [channel]);
  const keep = (next: string) => {
    rememberKey(channel, next);
    setKey(next);
  };
  // A key that was refused is forgotten: the next one is asked for.
  useEffect(() => {
    if (now.failure !== 'key') return;
    rememberKey(channel, undefined);
    setKey(undefined);
  }, [now.failure, channel]);
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
        <Encoder channel={channel} fresh={key} onKey={keep} />
      ) : (
        <FromHere channel={channel} now={now} streamKey={key} onKey={keep} />
      )}
    </div>
  );
}

/** rtmpServer is what OBS asks for. The port that everybody expects is not written. */
export function rtmpServer(): string {
  return `rtmp://${location.hostname}/live`;
}

function Encoder({ channel, fresh, onKey }: { channel: string; fresh?: string; onKey: (key: string) => void }) {
  return (
    <div class="stack">
      <Copy label={t('server')} value={rtmpServer()} />
      {fresh && (
        <>
          <Copy label={t('streamKey')} value={fresh} secret />
          <p class="small source-once">{t('keyOnce')}</p>
        </>
      )}
      <NewKey channel={channel} onKey={onKey} />
      <ol class="steps small">
        <li>{t('obsStep1')}</li>
        <li>{t('obsStep2')}</li>
        <li>{t('obsStep3')}</li>
        <li>{t('obsStep4')}</li>
      </ol>
      <details class="small">
        <summary>WHIP</summary>
        <Copy label={t('whipServer')} value={`${location.origin}/whip`} />
      </details>
    </div>
  );
}

function NewKey({ channel, onKey }: { channel: string; onKey: (key: string) => void }) {
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    try {
      onKey(await rotateKey(channel));
    } catch (error) {
      const forbidden = error instanceof ApiError && error.status === 403;
      toast(forbidden ? t('keyForbidden') : explain(error), 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="stack stack-tight">
      <Hold kind="bad" svg={keyIcon} busy={busy} onHold={() => void make()} wide>
        {t('holdNewKey')}
      </Hold>
      <p class="small muted">{t('keyWarning')}</p>
    </div>
  );
}

interface FromHereProps {
  channel: string;
  now: Camera;
  streamKey: string | undefined;
  onKey: (key: string) => void;
}

function FromHere({ channel, now, streamKey, onKey }: FromHereProps) {
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
      {streamKey ? (
        <Air channel={channel} now={now} streamKey={streamKey} />
      ) : (
        <AskKey channel={channel} onKey={onKey} />
      )}
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

function Air({ channel, now, streamKey }: { channel: string; now: Camera; streamKey: string }) {
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
        <Hold kind="accent" wide svg={radioIcon} onHold={() => goLive(channel, streamKey)}>
          {t('goLive')}
        </Hold>
      )}
    </div>
  );
}

function FailureText({ failure }: { failure: PublishFailure }) {
  const texts = {
    key: 'failedKey',
    busy: 'failedBusy',
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

function AskKey({ channel, onKey }: { channel: string; onKey: (key: string) => void }) {
  const [text, setText] = useState('');
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (looksLikeKey(text)) onKey(text.trim());
      }}
    >
      <p>{t('keyNeeded')}</p>
      <Field
        label={t('pasteKey')}
        hint={t('pasteKeyHint')}
        type="password"
        dir="ltr"
        autocomplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Button type="submit" wide disabled={!looksLikeKey(text)}>
        {t('useKey')}
      </Button>
      <NewKey channel={channel} onKey={onKey} />
    </form>
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
