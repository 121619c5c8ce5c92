import { useState } from 'preact/hooks';
import { api } from '../../api/client';
import { useEvery, useLoad } from '../../api/load';
import type { Account, Channel, Page } from '../../api/types';
import type { PathParams } from '../../app/router';
import { TopBar } from '../../app/TopBar';
import { t as common } from '../../i18n/common';
import { dateTime, percent } from '../../i18n/format';
import type { Language } from '../../i18n/language';
import { loadChannels } from '../../manage/data';
import { Failed, Gate } from '../../manage/Gate';
import { manage } from '../../manage/messages';
import { Notice } from '../../ui/Card';
import { Chips } from '../../ui/Field';
import { Skeleton } from '../../ui/Skeleton';
import type { VideoItem } from './data';
import { Editor } from './Editor';
import { own, t } from './messages';
import { Uploads } from './Uploads';
import './videos.css';

export const messages = {
  load: async (language: Language) => {
    await Promise.all([own.load(language), manage.load(language)]);
  },
};

/** What is being made changes by the second. */
const everyMilliseconds = 1500;

/** The creator's videos: /studio/videos, and /studio/videos/<video> for one of them. */
export default function VideosPage({ params }: { params: PathParams }) {
  const id = params['id'];
  return (
    <div class="videos">
      <TopBar title={common('studio')} />
      <Gate>{(who) => (id ? <Editor key={id} id={id} /> : <Home who={who} />)}</Gate>
    </div>
  );
}

function Home({ who }: { who: Account }) {
  const channels = useLoad((signal) => loadChannels(who, signal), [who.id]);
  const [chosen, setChosen] = useState(() => localStorage.getItem('hawker.studio.channel') ?? '');
  if (channels.error && !channels.data) return <Failed error={channels.error} onRetry={channels.reload} />;
  if (!channels.data) return <Skeleton height="64px" />;
  const channel = channels.data.find((one) => one.id === chosen) ?? channels.data[0];
  return (
    <main class="videos-page">
      <h2>{t('title')}</h2>
      {channels.data.length > 1 && (
        <Chips
          label={t('channel')}
          value={channel?.id}
          options={channels.data.map((one) => ({ value: one.id, label: one.name }))}
          onChange={setChosen}
        />
      )}
      {channel && <OfChannel key={channel.id} channel={channel} />}
    </main>
  );
}

function OfChannel({ channel }: { channel: Channel }) {
  const list = useLoad(
    (signal) => api.get<Page<VideoItem>>('/v1/videos', { channel: channel.id, limit: 50 }, signal),
    [channel.id],
  );
  useEvery(everyMilliseconds, list.reload);
  return (
    <>
      <Uploads channel={channel.id} onDone={list.reload} />
      {list.data?.items.length === 0 && <Notice title={t('empty')} text={t('emptyText')} />}
      <ul class="videos-list">
        {list.data?.items.map((item) => (
          <li key={item.id}>
            <a class="videos-row" href={`/studio/videos/${item.id}`} data-video={item.id} data-state={item.state}>
              <span class="videos-poster" aria-hidden="true">
                {item.poster && <img src={item.poster} alt="" loading="lazy" />}
              </span>
              <span class="videos-text">
                <strong class="user-text" dir="auto">
                  {item.title || t(item.kind === 'story' ? 'story' : 'short')}
                </strong>
                <span class={`muted small videos-${item.state}`}>{stateText(item)}</span>
              </span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

/** stateText says where a video is in its life. */
export function stateText(item: VideoItem): string {
  switch (item.state) {
    case 'processing':
      return !item.progress || item.progress.stage === 'waiting'
        ? t('queued')
        : t('processing', { percent: percent(item.progress.progress / 1000) });
    case 'scheduled':
      return t('scheduled', { when: item.publish_at ? dateTime(item.publish_at) : '' });
    default:
      return t(item.state);
  }
}
