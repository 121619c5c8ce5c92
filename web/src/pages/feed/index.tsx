import { useState } from 'preact/hooks';
import eye from 'lucide-static/icons/eye.svg?raw';
import radio from 'lucide-static/icons/radio.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery, useLoad } from '../../api/load';
import type { BroadcastItem, Page } from '../../api/types';
import { TopBar } from '../../app/TopBar';
import { t as common } from '../../i18n/common';
import { compact, dateTime } from '../../i18n/format';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { Icon } from '../../ui/Icon';
import { Skeleton } from '../../ui/Skeleton';
import type { VideoItem } from '../videos/data';
import { messages, t } from './messages';
import './feed.css';

export { messages };

/** A show is on the list within two seconds of its beginning. */
const everyMilliseconds = 1800;
/** A picture is made at most so often. */
const posterMilliseconds = 10_000;

export default function FeedPage() {
  const { data, error, reload } = useLoad(
    (signal) => api.get<Page<BroadcastItem>>('/v1/broadcasts', { state: 'live' }, signal),
    [],
  );
  useEvery(everyMilliseconds, reload);

  let body;
  if (data && data.items.length === 0) {
    body = (
      <Notice
        svg={<Icon svg={radio} size={40} />}
        title={t('emptyTitle')}
        text={t('emptyText')}
        action={
          <a class="button button-plain" href="/studio">
            {t('goLive')}
          </a>
        }
      />
    );
  } else if (data) {
    body = (
      <ul class="shows">
        {data.items.map((item) => (
          <Show key={item.id} item={item} />
        ))}
      </ul>
    );
  } else if (error) {
    body = (
      <Notice
        title={common('broken')}
        text={explain(error)}
        action={<Button onClick={reload}>{common('retry')}</Button>}
      />
    );
  } else {
    body = (
      <ul class="shows" aria-busy="true">
        {[0, 1, 2].map((n) => (
          <li key={n}>
            <Skeleton height="104px" />
          </li>
        ))}
      </ul>
    );
  }
  return (
    <>
      <TopBar />
      <main class="feed">
        <h1>{t('title')}</h1>
        {!!error && data && (
          <p class="feed-offline" role="status">
            {common('offline')}
          </p>
        )}
        {body}
        <Videos />
      </main>
    </>
  );
}

/** Videos are the newest short ones, beside what is live. */
function Videos() {
  const { data } = useLoad((signal) => api.get<Page<VideoItem>>('/v1/videos', { limit: 24 }, signal), []);
  if (!data || data.items.length === 0) return null;
  return (
    <>
      <h2 class="feed-videos-title">{t('videos')}</h2>
      <ul class="feed-videos">
        {data.items.map((item) => (
          <li key={item.id}>
            <a href={`/v/${item.id}`} data-video={item.id}>
              {item.poster && <img src={item.poster} alt="" loading="lazy" />}
              <span class="feed-video-text">
                <strong class="user-text" dir="auto">
                  {item.title || item.channel_name}
                </strong>
                <span class="small">{item.channel_name}</span>
              </span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Poster lies over the drawn placeholder, which stays where there is no picture: no ffmpeg, or not yet. */
function Poster({ broadcast }: { broadcast: string }) {
  const [turn, setTurn] = useState(0);
  const [shown, setShown] = useState(false);
  useEvery(posterMilliseconds, () => setTurn((n) => n + 1));
  return (
    <img
      class={shown ? 'show-poster' : 'show-poster show-poster-away'}
      src={`/v1/broadcasts/${broadcast}/poster.jpg?turn=${turn}`}
      alt=""
      onLoad={() => setShown(true)}
      onError={() => setShown(false)}
    />
  );
}

function Show({ item }: { item: BroadcastItem }) {
  const live = item.state === 'live';
  return (
    <li>
      <a class="show" href={`/b/${item.id}`} data-broadcast={item.id}>
        <span class="show-picture" aria-hidden="true">
          {[...item.channel_name][0]}
          <Poster broadcast={item.id} />
        </span>
        <span class="show-text">
          <span class="show-line">
            <span class={live ? 'show-badge' : 'show-badge show-badge-away'}>
              {live ? common('live') : t('interrupted')}
            </span>
            <span class="show-viewers tabular">
              <Icon svg={eye} size={16} /> {compact(item.viewers)}
              <span class="visually-hidden">{common('viewers', { count: item.viewers })}</span>
            </span>
          </span>
          <strong class="user-text" dir="auto">
            {item.title}
          </strong>
          <span class="muted small">
            {item.channel_name}
            {item.started_at && ` · ${t('since', { time: dateTime(item.started_at, { timeStyle: 'short' }) })}`}
          </span>
        </span>
      </a>
    </li>
  );
}
