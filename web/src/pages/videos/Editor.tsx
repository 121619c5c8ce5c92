import { useEffect, useState } from 'preact/hooks';
import trash from 'lucide-static/icons/trash-2.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery, useLoad } from '../../api/load';
import type { Product } from '../../api/types';
import { navigate } from '../../app/router';
import { loadProducts } from '../../manage/data';
import { Failed } from '../../manage/Gate';
import { Hold } from '../../manage/Hold';
import { Button, IconButton } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Field, Select, TextArea } from '../../ui/Field';
import { Skeleton } from '../../ui/Skeleton';
import { toast } from '../../ui/Toast';
import { CaptionFiles } from './CaptionFiles';
import { tagOf, type Video, type VideoTag } from './data';
import { stateText } from './index';
import { t } from './messages';

/** Editor is one video: what is said about it, what is sold in it, and when it is public. */
export function Editor({ id }: { id: string }) {
  const path = `/v1/videos/${encodeURIComponent(id)}`;
  const video = useLoad((signal) => api.get<Video>(path, undefined, signal), [id]);
  useEvery(2000, () => {
    if (video.data && ['processing', 'review', 'scheduled'].includes(video.data.state)) video.reload();
  });
  const [error, setError] = useState<unknown>();
  const act = async (what: () => Promise<unknown>) => {
    setError(undefined);
    try {
      await what();
      video.reload();
      toast(t('saved'));
    } catch (cause) {
      setError(cause);
    }
  };
  if (video.error && !video.data) return <Failed error={video.error} onRetry={video.reload} />;
  if (!video.data) return <Skeleton height="64px" />;
  const one = video.data;
  return (
    <main class="videos-page" data-video={id} data-state={one.state}>
      <a class="small" href="/studio/videos">
        {t('back')}
      </a>
      <div class="videos-row videos-row-large">
        <span class="videos-poster">{one.poster && <img src={one.poster} alt="" />}</span>
        <span class="videos-text">
          <strong class="user-text" dir="auto">
            {one.title || t('short')}
          </strong>
          <span class="muted" role="status">
            {stateText(one)}
          </span>
          {one.problem && <span class="form-error">{t('problem', { code: one.problem })}</span>}
          {one.reason && <span class="muted">{t('reason', { reason: one.reason })}</span>}
          {one.poster && <a href={`/v/${id}`}>{t('watch')}</a>}
        </span>
      </div>
      {!!error && (
        <p class="form-error" role="alert">
          {explain(error)}
        </p>
      )}
      <Words key={one.id} video={one} onSave={(words) => act(() => api.patch(path, words))} />
      {one.poster && <Tags video={one} onSave={(tags) => act(() => api.put(`${path}/tags`, { tags }))} />}
      {one.kind !== 'picture' && <CaptionFiles path={`${path}/captions`} />}
      <Publishing
        video={one}
        onPublish={(at) => act(() => api.put(`${path}/publication`, at ? { at } : {}))}
        onWithdraw={() => act(() => api.delete(`${path}/publication`))}
        onDelete={async () => {
          setError(undefined);
          try {
            await api.delete(path);
            navigate('/studio/videos');
          } catch (cause) {
            setError(cause);
          }
        }}
      />
    </main>
  );
}

function Words({ video, onSave }: { video: Video; onSave: (words: { title: string; caption: string }) => void }) {
  const [title, setTitle] = useState(video.title);
  const [caption, setCaption] = useState(video.caption);
  return (
    <Card>
      <form
        class="videos-form"
        onSubmit={(event) => {
          event.preventDefault();
          onSave({ title, caption });
        }}
      >
        <h3>{t('words')}</h3>
        <Field
          label={t('titleField')}
          dir="auto"
          maxLength={120}
          value={title}
          onInput={(event) => setTitle(event.currentTarget.value)}
        />
        <TextArea
          label={t('caption')}
          dir="auto"
          maxLength={2000}
          value={caption}
          onInput={(event) => setCaption(event.currentTarget.value)}
        />
        <Button type="submit">{t('save')}</Button>
      </form>
    </Card>
  );
}

const micro = 1_000_000;

function Tags({ video, onSave }: { video: Video; onSave: (tags: VideoTag[]) => void }) {
  const products = useLoad((signal) => loadProducts(video.shop, signal), [video.shop]);
  const [tags, setTags] = useState<VideoTag[]>(video.tags);
  const length = video.duration / micro;
  const [product, setProduct] = useState('');
  const [from, setFrom] = useState(0);
  const [until, setUntil] = useState(Math.floor(length));
  const first = products.data?.[0]?.id;
  useEffect(() => {
    if (first) setProduct((chosen) => chosen || first); // somebody may have been quicker
  }, [first]);
  const change = (next: VideoTag[]) => {
    setTags(next);
    onSave(next.map((tag) => ({ product: tag.product, from: tag.from, until: tag.until })));
  };
  const titleOf = (id: string) => products.data?.find((one: Product) => one.id === id)?.title ?? '';
  return (
    <Card>
      <form
        class="videos-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (product) change([...tags, tagOf(product, from, until, length)]);
        }}
      >
        <h3>{t('products')}</h3>
        <p class="muted small">{t('productsHint')}</p>
        <ul class="videos-tags" aria-label={t('timeline')}>
          {tags.map((tag, n) => (
            <li key={`${tag.product} ${tag.from} ${n}`} data-tag={tag.product}>
              <span class="user-text" dir="auto">
                {titleOf(tag.product)}
              </span>
              <IconButton
                svg={trash}
                size={18}
                label={t('removeTag', { title: titleOf(tag.product) })}
                onClick={() => change(tags.filter((_, at) => at !== n))}
              />
              {length > 0 && (
                <span class="videos-track" aria-hidden="true">
                  <span
                    style={{
                      left: `${(100 * tag.from) / video.duration}%`,
                      right: `${100 - (100 * (tag.until ?? video.duration)) / video.duration}%`,
                    }}
                  />
                </span>
              )}
            </li>
          ))}
        </ul>
        <Select label={t('product')} value={product} onChange={(event) => setProduct(event.currentTarget.value)}>
          {products.data?.map((one) => (
            <option key={one.id} value={one.id}>
              {one.title}
            </option>
          ))}
        </Select>
        {length > 0 && (
          <div class="videos-range">
            <Field
              label={t('from')}
              type="number"
              min={0}
              max={Math.floor(length)}
              step={0.1}
              value={from}
              onInput={(event) => setFrom(Number(event.currentTarget.value))}
            />
            <Field
              label={t('until')}
              type="number"
              min={0}
              max={Math.ceil(length)}
              step={0.1}
              value={until}
              onInput={(event) => setUntil(Number(event.currentTarget.value))}
            />
          </div>
        )}
        <Button type="submit" disabled={!product}>
          {t('addTag')}
        </Button>
      </form>
    </Card>
  );
}

interface PublishingProps {
  video: Video;
  onPublish: (at?: string) => void;
  onWithdraw: () => void;
  onDelete: () => Promise<void>;
}

function Publishing({ video, onPublish, onWithdraw, onDelete }: PublishingProps) {
  const [at, setAt] = useState('');
  const out = ['published', 'scheduled', 'review'].includes(video.state);
  return (
    <Card>
      <div class="videos-form">
        <h3>{t('publishing')}</h3>
        {video.state !== 'failed' && (
          <>
            {video.state !== 'published' && (
              <Button kind="accent" onClick={() => onPublish()}>
                {t('publish')}
              </Button>
            )}
            <div class="videos-range">
              <Field
                label={t('at')}
                type="datetime-local"
                value={at}
                onInput={(event) => setAt(event.currentTarget.value)}
              />
              <Button disabled={!at} onClick={() => onPublish(new Date(at).toISOString())}>
                {t('schedule')}
              </Button>
            </div>
          </>
        )}
        {out && <Button onClick={onWithdraw}>{t('withdraw')}</Button>}
        <Hold svg={trash} onHold={() => void onDelete()}>
          {t('remove')}
        </Hold>
      </div>
    </Card>
  );
}
