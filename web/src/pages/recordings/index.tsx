import { useState } from 'preact/hooks';
import downloadIcon from 'lucide-static/icons/download.svg?raw';
import packageIcon from 'lucide-static/icons/package.svg?raw';
import trashIcon from 'lucide-static/icons/trash-2.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery, useLoad } from '../../api/load';
import type { Broadcast, Channel, Page } from '../../api/types';
import { clock, dateTime } from '../../i18n/format';
import { Failed } from '../../manage/Gate';
import { Hold } from '../../manage/Hold';
import { Button, IconButton } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { Chips } from '../../ui/Field';
import { Icon } from '../../ui/Icon';
import { Skeleton } from '../../ui/Skeleton';
import { CutSheet } from './CutSheet';
import { t } from './messages';
import type { Clip, ClipMode, Download } from './types';
import './recordings.css';

/** Recordings lists a channel's clips, to approve, and its recordings, to cut. */
export function Recordings({ channel }: { channel: string }) {
  const about = useLoad((signal) => api.get<Channel>(`/v1/channels/${channel}`, undefined, signal), [channel]);
  const clips = useLoad(
    (signal) => api.get<Page<Clip>>('/v1/videos', { channel, kind: 'clip', limit: 100 }, signal),
    [channel],
  );
  const shows = useLoad(
    (signal) => api.get<Page<Broadcast>>('/v1/broadcasts', { channel, limit: 50 }, signal),
    [channel],
  );
  useEvery(4000, clips.reload);
  const [cutting, setCutting] = useState<Broadcast>();
  const [error, setError] = useState<string>();
  if (clips.error && !clips.data) return <Failed error={clips.error} onRetry={clips.reload} />;
  const all = clips.data?.items ?? [];
  const act = async (work: () => Promise<unknown>) => {
    setError(undefined);
    try {
      await work();
    } catch (cause) {
      setError(explain(cause));
    }
    clips.reload();
  };
  const recorded = (shows.data?.items ?? []).filter(
    (one) => one.channel === channel && ['live', 'interrupted', 'ended'].includes(one.state),
  );
  const group = (name: string, states: Clip['state'][]) => (
    <Group name={name} clips={all.filter((one) => states.includes(one.state))} act={act} />
  );
  return (
    <main class="studio-home recordings">
      <header class="studio-head">
        <div>
          <h2>{t('title')}</h2>
          <a class="small muted" href="/studio">
            {about.data ? <bdi>{about.data.name}</bdi> : t('back')}
          </a>
        </div>
      </header>
      <Mode channel={channel} />
      {error && (
        <p class="form-error" role="alert">
          {error}
        </p>
      )}
      {!clips.data ? (
        <Skeleton height="180px" />
      ) : all.length === 0 ? (
        <Notice title={t('none')} text={t('noneText')} />
      ) : (
        <>
          {group(t('waiting'), ['draft', 'review', 'scheduled'])}
          {group(t('public'), ['published'])}
          {group(t('hidden'), ['hidden', 'failed'])}
        </>
      )}
      <section class="studio-group">
        <h3>{t('recordings')}</h3>
        {shows.data && recorded.length === 0 ? (
          <Notice title={t('noRecordings')} text={t('noRecordingsText')} />
        ) : (
          <ul>
            {recorded.map((one) => (
              <li key={one.id} class="recording">
                <span class="recording-title" dir="auto">
                  {one.title}
                </span>
                <span class="small muted">{dateTime(one.started_at ?? one.ended_at ?? Date.now())}</span>
                <Button data-show={one.id} onClick={() => setCutting(one)}>
                  {t('cut')}
                </Button>
              </li>
            ))}
          </ul>
        )}
      </section>
      {cutting && (
        <CutSheet key={cutting.id} show={cutting} onClose={() => setCutting(undefined)} onMade={clips.reload} />
      )}
    </main>
  );
}

function Mode({ channel }: { channel: string }) {
  const path = `/v1/channels/${channel}/clips`;
  const mode = useLoad((signal) => api.get<{ mode: ClipMode }>(path, undefined, signal), [channel]);
  const [chosen, setChosen] = useState<ClipMode>();
  const choose = (next: ClipMode) => {
    setChosen(next);
    void api.put(path, { mode: next }).catch(() => {
      setChosen(undefined);
      mode.reload();
    });
  };
  return (
    <Chips<ClipMode>
      label={t('mode')}
      value={chosen ?? mode.data?.mode ?? 'draft'}
      options={[
        { value: 'draft', label: t('modeDraft') },
        { value: 'publish', label: t('modePublish') },
        { value: 'off', label: t('modeOff') },
      ]}
      onChange={choose}
    />
  );
}

interface GroupProps {
  name: string;
  clips: Clip[];
  act: (work: () => Promise<unknown>) => Promise<void>;
}

function Group({ name, clips, act }: GroupProps) {
  if (clips.length === 0) return null;
  return (
    <section class="studio-group">
      <h3>{name}</h3>
      <ul class="clips">
        {clips.map((one) => (
          <ClipCard key={one.id} clip={one} act={act} />
        ))}
      </ul>
    </section>
  );
}

function ClipCard({ clip, act }: { clip: Clip; act: GroupProps['act'] }) {
  const path = `/v1/videos/${clip.id}`;
  const publication = `${path}/publication`;
  const download = () =>
    act(async () => {
      const made = await api.post<Download>(`${path}/downloads`);
      location.assign(made.url);
    });
  return (
    <li class="clip" data-clip={clip.id} data-state={clip.state}>
      <a class="clip-picture" href={`/v/${clip.id}`}>
        {clip.poster && <img src={clip.poster} alt="" loading="lazy" />}
        <span class="clip-length">{clock(clip.duration / 1e6)}</span>
      </a>
      <span class="clip-title" dir="auto">
        {clip.title}
      </span>
      <div class="clip-actions">
        {clip.state === 'published' ? (
          <Button onClick={() => void act(() => api.delete(publication))}>{t('hide')}</Button>
        ) : (
          <Button kind="accent" onClick={() => void act(() => api.put(publication, {}))}>
            {t('publish')}
          </Button>
        )}
        <IconButton svg={downloadIcon} label={t('download')} onClick={() => void download()} />
        <a class="icon-button" href={`${path}/export`} download>
          <Icon svg={packageIcon} />
          <span class="visually-hidden">{t('export')}</span>
        </a>
        <Hold svg={trashIcon} onHold={() => void act(() => api.delete(path))}>
          {t('remove')}
        </Hold>
      </div>
    </li>
  );
}
