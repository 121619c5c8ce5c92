import { useEffect, useRef, useState } from 'preact/hooks';
import plus from 'lucide-static/icons/plus.svg?raw';
import { explain } from '../../api/errors';
import { percent } from '../../i18n/format';
import { upload } from '../../upload/tus';
import { Button } from '../../ui/Button';
import { Chips } from '../../ui/Field';
import { t } from './messages';

interface Sending {
  name: string;
  share: number;
  waiting: boolean;
  error?: unknown;
}

/** Uploads sends one file after the other from this device. */
export function Uploads({ channel, onDone }: { channel: string; onDone: () => void }) {
  const [kind, setKind] = useState<'short' | 'story'>('short');
  const [sending, setSending] = useState<Sending>();
  const input = useRef<HTMLInputElement>(null);
  const abort = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => abort.current?.abort(), []);

  const send = async (file: File) => {
    const control = new AbortController();
    abort.current = control;
    const change = (next: Partial<Sending>) => setSending((was) => ({ ...was!, ...next }));
    setSending({ name: file.name, share: 0, waiting: false });
    try {
      await upload(file, {
        metadata: { channel, kind, title: file.name.replace(/\.[^.]*$/, '') },
        onProgress: (sent, size) => change({ share: sent / size }),
        onWaiting: (waiting) => change({ waiting }),
        signal: control.signal,
      });
      setSending(undefined);
      onDone();
    } catch (error) {
      if (control.signal.aborted) setSending(undefined);
      else change({ error, waiting: false });
    }
  };

  return (
    <section class="videos-add">
      <Chips
        label={t('kind')}
        value={kind}
        options={[
          { value: 'short', label: t('short') },
          { value: 'story', label: t('story') },
        ]}
        onChange={setKind}
      />
      <input
        ref={input}
        class="visually-hidden"
        type="file"
        tabIndex={-1}
        aria-label={t('add')}
        accept="video/mp4,video/quicktime,video/webm,video/x-matroska,.mkv,image/jpeg,image/png,image/webp"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = '';
          if (file) void send(file);
        }}
      />
      {sending && !sending.error ? (
        <div class="videos-sending" role="status">
          <p class="tabular">{t('uploading', { name: sending.name, percent: percent(sending.share) })}</p>
          <progress max={1} value={sending.share} />
          {sending.waiting && <p class="muted small">{t('waiting')}</p>}
          <Button onClick={() => abort.current?.abort()}>{t('stop')}</Button>
        </div>
      ) : (
        <>
          <Button kind="accent" svg={plus} onClick={() => input.current?.click()}>
            {t('add')}
          </Button>
          <p class="muted small">{t('addHint')}</p>
        </>
      )}
      {!!sending?.error && (
        <p class="form-error" role="alert">
          {explain(sending.error)}
        </p>
      )}
    </section>
  );
}
