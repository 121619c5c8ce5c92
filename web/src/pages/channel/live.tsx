import { useEffect } from 'preact/hooks';
import { api, ApiError } from '../../api/client';
import { useEvery, useLoad } from '../../api/load';
import type { Channel } from '../../api/types';
import { navigate, type PathParams } from '../../app/router';
import { TopBar } from '../../app/TopBar';
import { t as common } from '../../i18n/common';
import { Notice } from '../../ui/Card';
import { own, t } from './messages';

export const messages = own;

/** The address that always leads to the channel's current show. */
export default function ChannelLivePage({ params }: { params: PathParams }) {
  const name = encodeURIComponent(params['channel']!);
  const { data, error, reload } = useLoad(
    (signal) => api.get<Channel>(`/v1/channels/${name}`, undefined, signal),
    [name],
  );
  useEvery(2000, reload);
  const live = data?.live_broadcast;
  useEffect(() => {
    if (live) navigate(`/b/${live}`, true);
  }, [live]);

  const toChannel = (
    <a class="button button-plain" href={`/c/${name}`}>
      {t('toChannel')}
    </a>
  );
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <>
      <TopBar title={data?.name ?? ''} />
      {missing ? (
        <Notice title={common('notFound')} text={common('notFoundText')} />
      ) : (
        data && !live && <Notice title={t('notLive')} text={t('notLiveText')} action={toChannel} />
      )}
    </>
  );
}
