import type { ComponentChildren } from 'preact';
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

interface Way {
  id: string;
  name: string;
  address: string;
  state: string;
  reason?: string;
}

interface ListOf<T extends Way> {
  kind: 'sources' | 'targets';
  title: string;
  text: string;
  hint: string;
  withKey?: boolean;
  path: string;
  /** Where one of them is. */
  at: (one: T) => string;
  /** The switch: what it says, whether it is the way forward, and what it sets. */
  turn: (one: T) => { label: string; on: boolean; set: object };
  figures?: (one: T) => ComponentChildren;
}

/** List shows a channel's ways of one kind, with a switch each, and makes another. */
function List<T extends Way>({ kind, title, text, hint, withKey, path, at, turn, figures }: ListOf<T>) {
  const { list, act } = useWays<T>(path);
  return (
    <section class="ways" data-ways={kind}>
      <h3>{title}</h3>
      <p class="small muted">{text}</p>
      {list.error && !list.data && <Failed error={list.error} onRetry={list.reload} />}
      {!list.data && !list.error && <Skeleton height="64px" />}
      <ul>
        {list.data?.items.map((one) => {
          const { label, on, set } = turn(one);
          return (
            <li key={one.id} class="way">
              <Head name={one.name} address={one.address} state={one.state} reason={one.reason} />
              {figures?.(one)}
              <div class="way-actions">
                <Button kind={on ? 'accent' : 'plain'} onClick={() => void act(() => api.patch(at(one), set))}>
                  {label}
                </Button>
                <Hold kind="bad" onHold={() => void act(() => api.delete(at(one)))}>
                  {t('wayForget')}
                </Hold>
              </div>
            </li>
          );
        })}
      </ul>
      <Make
        hint={hint}
        withKey={withKey}
        onMake={(name, address, key) =>
          act(() => api.post(path, { name, address, ...(key ? { key } : {}) }, { idempotencyKey: crypto.randomUUID() }))
        }
      />
    </section>
  );
}

function Sources({ channel }: { channel: string }) {
  return (
    <List<PullSource>
      kind="sources"
      title={t('waysIn')}
      text={t('waysInText')}
      hint={t('waysInHint')}
      path={`/v1/channels/${channel}/sources`}
      at={(one) => `/v1/sources/${one.id}`}
      turn={(one) => ({
        label: one.running ? t('wayStop') : t('wayStart'),
        on: !one.running,
        set: { running: !one.running },
      })}
    />
  );
}

function Targets({ channel }: { channel: string }) {
  return (
    <List<PushTarget>
      kind="targets"
      title={t('waysOut')}
      text={t('waysOutText')}
      hint={t('waysOutHint')}
      withKey
      path={`/v1/channels/${channel}/targets`}
      at={(one) => `/v1/targets/${one.id}`}
      turn={(one) => ({
        label: one.enabled ? t('waySwitchOff') : t('waySwitchOn'),
        on: !one.enabled,
        set: { enabled: !one.enabled },
      })}
      figures={(one) =>
        one.enabled &&
        one.sent > 0 && (
          <p class="small muted tabular">
            {t('kilobits', { value: Math.round(one.bitrate / 1000) })} · {t('wayDropped')} {number(one.dropped)} ·{' '}
            {t('wayReconnects')} {number(one.reconnects)}
          </p>
        )
      }
    />
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
