import { useEffect, useState } from 'preact/hooks';
import plusIcon from 'lucide-static/icons/plus.svg?raw';
import { api, ApiError } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery, useLoad } from '../../api/load';
import type { Account, Broadcast, Channel, Page } from '../../api/types';
import { navigate } from '../../app/router';
import { loadAccount } from '../../auth/auth';
import { dateTime } from '../../i18n/format';
import { Badge } from '../../manage/Badge';
import { isolated, loadChannels, runsShop, shopsOf } from '../../manage/data';
import { Failed } from '../../manage/Gate';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { Chips, Field } from '../../ui/Field';
import { Sheet } from '../../ui/Sheet';
import { Skeleton } from '../../ui/Skeleton';
import { t as recordings } from '../recordings/messages';
import { t } from './messages';
import './ways.css';

const lastChannel = 'hawker.studio.channel';

/** Home lists the channels of the creator and the broadcasts of the one chosen. */
export function Home({ who }: { who: Account }) {
  const channels = useLoad((signal) => loadChannels(who, signal), [who.id, who.memberships.length]);
  const [chosen, setChosen] = useState(() => localStorage.getItem(lastChannel) ?? '');
  if (channels.error && !channels.data) return <Failed error={channels.error} onRetry={channels.reload} />;
  if (!channels.data) return <HomeSkeleton />;
  const channel = channels.data.find((one) => one.id === chosen) ?? channels.data[0];
  if (!channel) return <NoChannel who={who} onMade={channels.reload} />;
  const choose = (id: string) => {
    localStorage.setItem(lastChannel, id);
    setChosen(id);
  };
  return (
    <main class="studio-home">
      {channels.data.length > 1 && (
        <Chips
          label={t('channel')}
          value={channel.id}
          options={channels.data.map((one) => ({ value: one.id, label: one.name }))}
          onChange={choose}
        />
      )}
      <Broadcasts key={channel.id} channel={channel} figures={runsShop(who, channel.shop)} />
    </main>
  );
}

/** figures says that the reader sees the shop's own page of what a broadcast sold. */
function Broadcasts({ channel, figures }: { channel: Channel; figures: boolean }) {
  const list = useLoad(
    (signal) => api.get<Page<Broadcast>>('/v1/broadcasts', { channel: channel.id, limit: 50 }, signal),
    [channel.id],
  );
  useEvery(3000, list.reload);
  const [making, setMaking] = useState(() => new URLSearchParams(location.search).has('new'));
  const all = (list.data?.items ?? []).filter((one) => one.channel === channel.id);
  const onAir = all.filter((one) => one.state === 'live' || one.state === 'interrupted');
  const planned = all.filter((one) => ['draft', 'scheduled', 'rehearsal'].includes(one.state));
  const past = all.filter((one) => one.state === 'ended');
  return (
    <>
      <header class="studio-head">
        <div>
          <h2 dir="auto">{channel.name}</h2>
          <a class="small muted" href={`/c/${channel.handle}`} dir="ltr">
            @{channel.handle}
          </a>
        </div>
        <span class="way-actions">
          <a class="button button-plain" href="/studio/videos">
            {t('videos')}
          </a>
          <a class="button button-plain" href={`/studio/recordings/${channel.id}`}>
            {recordings('open')}
          </a>
          <a class="button button-plain" href={`/studio/w/${channel.id}`}>
            {t('ways')}
          </a>
          <Button kind="accent" svg={plusIcon} onClick={() => setMaking(true)}>
            {t('newBroadcast')}
          </Button>
        </span>
      </header>
      {list.error && !list.data ? (
        <Failed error={list.error} onRetry={list.reload} />
      ) : !list.data ? (
        <HomeSkeleton />
      ) : all.length === 0 ? (
        <Notice title={t('empty')} text={t('emptyText')} />
      ) : (
        <>
          <Group name={t('onAirNow')} items={onAir} figures={figures} />
          <Group name={t('planned')} items={planned} figures={figures} />
          <Group name={t('past')} items={past} figures={figures} />
        </>
      )}
      <NewBroadcast channel={channel} open={making} onClose={() => setMaking(false)} />
    </>
  );
}

function Group({ name, items, figures }: { name: string; items: Broadcast[]; figures: boolean }) {
  if (items.length === 0) return null;
  return (
    <section class="studio-group">
      <h3>{name}</h3>
      <ul>
        {items.map((one) => (
          <li key={one.id}>
            <a class="studio-broadcast" href={placeOf(one, figures)}>
              <span class="studio-broadcast-title" dir="auto">
                {one.title}
              </span>
              <span class="small muted">{whenOf(one)}</span>
              <Badge state={one.state} />
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function placeOf(broadcast: Broadcast, figures: boolean): string {
  if (broadcast.state === 'ended' && figures) return `/seller/${broadcast.shop}/sales/${broadcast.id}`;
  return `/studio/b/${broadcast.id}`;
}

function whenOf(one: Broadcast): string {
  if (one.ended_at) return t('endedOn', { date: dateTime(one.ended_at) });
  if (one.started_at) return t('startedOn', { date: dateTime(one.started_at) });
  if (one.starts_at) return t('startsOn', { date: dateTime(one.starts_at) });
  return t('createdNow');
}

interface NewBroadcastProps {
  channel: Channel;
  open: boolean;
  onClose: () => void;
}

type When = 'now' | 'later' | 'rehearsal';

function NewBroadcast({ channel, open, onClose }: NewBroadcastProps) {
  const [title, setTitle] = useState('');
  const [when, setWhen] = useState<When>('now');
  const [startsAt, setStartsAt] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [key, setKey] = useState('');
  useEffect(() => {
    if (!open) return;
    setKey(crypto.randomUUID());
    setTitle((now) => now || t('titleStart', { channel: channel.name }).slice(0, 120));
  }, [open]);

  const late = when === 'later' && startsAt !== '' && Date.parse(startsAt) <= Date.now();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy || late) return;
    setBusy(true);
    setError(undefined);
    try {
      const how = {
        now: {},
        later: { starts_at: when === 'later' ? new Date(startsAt).toISOString() : undefined },
        rehearsal: { rehearsal: true },
      }[when];
      const made = await api.post<{ id: string }>(
        `/v1/channels/${channel.id}/broadcasts`,
        { title: title.trim(), ...how },
        { idempotencyKey: key },
      );
      navigate(`/studio/b/${made.id}`);
    } catch (cause) {
      setError(explain(cause));
      setKey(crypto.randomUUID());
    } finally {
      setBusy(false);
    }
  };
  return (
    <Sheet title={t('newBroadcast')} open={open} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <Field
          label={t('title')}
          hint={t('titleHint')}
          required
          maxLength={120}
          dir="auto"
          value={title}
          onInput={(event) => setTitle(event.currentTarget.value)}
        />
        <Chips<When>
          label={t('when')}
          value={when}
          options={[
            { value: 'now', label: t('whenNow') },
            { value: 'later', label: t('whenLater') },
            { value: 'rehearsal', label: t('whenRehearsal') },
          ]}
          onChange={setWhen}
        />
        {when === 'later' && (
          <Field
            label={t('startsAt')}
            type="datetime-local"
            required
            value={startsAt}
            error={late ? t('startsAtPast') : undefined}
            onInput={(event) => setStartsAt(event.currentTarget.value)}
          />
        )}
        {when === 'rehearsal' && <p class="muted">{t('rehearsalText')}</p>}
        {error && (
          <p class="form-error" role="alert">
            {error}
          </p>
        )}
        <Button kind="accent" wide type="submit" busy={busy}>
          {when === 'later' ? t('schedule') : t('create')}
        </Button>
      </form>
    </Sheet>
  );
}

function NoChannel({ who, onMade }: { who: Account; onMade: () => void }) {
  const shops = shopsOf(who, ['owner', 'seller']);
  const [name, setName] = useState('');
  const [handle, setHandle] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const shop = shops[0];
  if (!shop) {
    const open = (
      <a class="button button-accent" href="/seller">
        {t('openShop')}
      </a>
    );
    return (
      <main class="studio-form">
        <Notice title={t('noChannel')} text={t('noChannelAsk', { email: isolated(who.email) })} action={open} />
      </main>
    );
  }
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      await api.post(`/v1/shops/${shop.shop}/channels`, { name: name.trim(), handle: handle.trim() });
      await loadAccount();
      onMade();
    } catch (cause) {
      setError(cause instanceof ApiError && cause.status < 500 && cause.status > 0 ? cause.message : explain(cause));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="studio-form">
      <h2>{t('noChannel')}</h2>
      <p class="muted">{t('noChannelText')}</p>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <Field
          label={t('channelName')}
          required
          maxLength={80}
          dir="auto"
          value={name}
          onInput={(event) => {
            setName(event.currentTarget.value);
            setHandle(handleOf(event.currentTarget.value));
          }}
        />
        <Field
          label={t('channelHandle')}
          hint={t('channelHandleHint')}
          required
          minLength={3}
          maxLength={30}
          pattern="[a-z0-9][a-z0-9\-]*[a-z0-9]"
          dir="ltr"
          value={handle}
          error={error}
          onInput={(event) => setHandle(event.currentTarget.value)}
        />
        <Button kind="accent" wide type="submit" busy={busy}>
          {t('makeChannel')}
        </Button>
      </form>
    </main>
  );
}

/** handleOf proposes a handle for a name; names in other scripts get none. */
export function handleOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 30);
}

function HomeSkeleton() {
  return (
    <div class="studio-home" aria-busy="true">
      <Skeleton width="40%" height="28px" />
      {[0, 1, 2].map((n) => (
        <Skeleton key={n} height="64px" />
      ))}
    </div>
  );
}
