import { useState } from 'preact/hooks';
import backIcon from 'lucide-static/icons/arrow-left.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery, useLoad } from '../../api/load';
import type { Channel, Page } from '../../api/types';
import { number } from '../../i18n/format';
import { t as common } from '../../i18n/common';
import { Failed } from '../../manage/Gate';
import { Hold } from '../../manage/Hold';
import { Button } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { Icon } from '../../ui/Icon';
import { Skeleton } from '../../ui/Skeleton';
import { toast } from '../../ui/Toast';
import { t } from './messages';
import { levelOfWay, reasonWord, stateWord, type PullSource, type PushTarget } from './ways';
import './ways.css';

/** Ways are a channel's sources that are fetched, and the targets that its broadcasts are pushed to. */
export function Ways({ channel }: { channel: string }) {
  const found = useLoad((signal) => api.get<Channel>(`/v1/channels/${channel}`, undefined, signal), [channel]);
  return (
    <main class="studio-home">
      <header class="studio-head">
        <a class="icon-button" href="/studio" aria-label={common('back')}>
          <Icon svg={backIcon} mirror />
        </a>
        <h2 dir="auto">{found.data?.name ?? ''}</h2>
      </header>
      <Sources channel={channel} />
      <Targets channel={channel} />
    </main>
  );
}

/** useWays keeps a list fresh, and acts on its items. */
function useWays<T>(path: string) {
  const list = useLoad((signal) => api.get<Page<T>>(path, undefined, signal), [path]);
  useEvery(2000, list.reload);
  const act = async (what: () => Promise<unknown>): Promise<boolean> => {
    try {
      await what();
      list.reload();
      return true;
    } catch (error) {
      toast(explain(error), 'bad');
      return false;
    }
  };
  return { list, act };
}

function Sources({ channel }: { channel: string }) {
  const path = `/v1/channels/${channel}/sources`;
  const { list, act } = useWays<PullSource>(path);
  return (
    <section class="ways" data-ways="sources">
      <h3>{t('waysIn')}</h3>
      <p class="small muted">{t('waysInText')}</p>
      {list.error && !list.data && <Failed error={list.error} onRetry={list.reload} />}
      {!list.data && !list.error && <Skeleton height="64px" />}
      <ul>
        {list.data?.items.map((one) => (
          <li key={one.id} class="way">
            <Head name={one.name} address={one.address} state={one.state} reason={one.reason} />
            <div class="way-actions">
              <Button
                kind={one.running ? 'plain' : 'accent'}
                onClick={() => void act(() => api.patch(`/v1/sources/${one.id}`, { running: !one.running }))}
              >
                {one.running ? t('wayStop') : t('wayStart')}
              </Button>
              <Hold kind="bad" onHold={() => void act(() => api.delete(`/v1/sources/${one.id}`))}>
                {t('wayForget')}
              </Hold>
            </div>
          </li>
        ))}
      </ul>
      <Make
        hint={t('waysInHint')}
        onMake={(name, address) =>
          act(() => api.post(path, { name, address }, { idempotencyKey: crypto.randomUUID() }))
        }
      />
    </section>
  );
}

function Targets({ channel }: { channel: string }) {
  const path = `/v1/channels/${channel}/targets`;
  const { list, act } = useWays<PushTarget>(path);
  return (
    <section class="ways" data-ways="targets">
      <h3>{t('waysOut')}</h3>
      <p class="small muted">{t('waysOutText')}</p>
      {list.error && !list.data && <Failed error={list.error} onRetry={list.reload} />}
      {!list.data && !list.error && <Skeleton height="64px" />}
      <ul>
        {list.data?.items.map((one) => (
          <li key={one.id} class="way">
            <Head name={one.name} address={one.address} state={one.state} reason={one.reason} />
            {one.enabled && one.sent > 0 && (
              <p class="small muted tabular">
                {t('kilobits', { value: Math.round(one.bitrate / 1000) })} · {t('wayDropped')} {number(one.dropped)} ·{' '}
                {t('wayReconnects')} {number(one.reconnects)}
              </p>
            )}
            <div class="way-actions">
              <Button
                kind={one.enabled ? 'plain' : 'accent'}
                onClick={() => void act(() => api.patch(`/v1/targets/${one.id}`, { enabled: !one.enabled }))}
              >
                {one.enabled ? t('waySwitchOff') : t('waySwitchOn')}
              </Button>
              <Hold kind="bad" onHold={() => void act(() => api.delete(`/v1/targets/${one.id}`))}>
                {t('wayForget')}
              </Hold>
            </div>
          </li>
        ))}
      </ul>
      <Make
        hint={t('waysOutHint')}
        withKey
        onMake={(name, address, key) =>
          act(() => api.post(path, { name, address, ...(key ? { key } : {}) }, { idempotencyKey: crypto.randomUUID() }))
        }
      />
    </section>
  );
}

function Head({ name, address, state, reason }: { name: string; address: string; state: string; reason?: string }) {
  const why = reasonWord(reason);
  return (
    <div class="way-head">
      <strong dir="auto">{name}</strong>
      <span class="small muted" dir="ltr">
        {address}
      </span>
      <span class="health" data-level={levelOfWay(state)} role="status">
        <span class="health-dot" aria-hidden="true" />
        {t(stateWord(state))}
      </span>
      {why && state !== 'live' && <span class="small way-why">{t(why)}</span>}
    </div>
  );
}

interface MakeProps {
  hint: string;
  withKey?: boolean;
  onMake: (name: string, address: string, key: string) => Promise<boolean>;
}

function Make({ hint, withKey, onMake }: MakeProps) {
  const [name, setName] = useState('');
  const [address, setAddress] = useState('');
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    if (await onMake(name.trim(), address.trim(), key.trim())) {
      setName('');
      setAddress('');
      setKey('');
    }
    setBusy(false);
  };
  return (
    <details class="way-make">
      <summary>{t('wayAdd')}</summary>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <Field
          label={t('wayName')}
          required
          maxLength={80}
          dir="auto"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Field
          label={t('wayAddress')}
          hint={hint}
          required
          maxLength={1024}
          dir="ltr"
          autocomplete="off"
          spellcheck={false}
          value={address}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
        {withKey && (
          <Field
            label={t('wayKey')}
            hint={t('wayKeyHint')}
            type="password"
            maxLength={1024}
            dir="ltr"
            autocomplete="off"
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        )}
        <Button kind="accent" type="submit" busy={busy}>
          {t('wayMake')}
        </Button>
      </form>
    </details>
  );
}
