import { useRef, useState } from 'preact/hooks';
import trash from 'lucide-static/icons/trash-2.svg?raw';
import { api, request } from '../../api/client';
import { explain } from '../../api/errors';
import { useLoad } from '../../api/load';
import { language as speaking, languages } from '../../i18n/language';
import { Button, IconButton } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Select } from '../../ui/Field';
import { t } from './messages';

interface Caption {
  language: string;
  label: string;
}

/** CaptionFiles takes what is said in a video, one file a language. */
export function CaptionFiles({ path }: { path: string }) {
  const list = useLoad((signal) => api.get<{ items: Caption[] }>(path, undefined, signal), [path]);
  const [tag, setTag] = useState<string>(speaking.get());
  const [error, setError] = useState<unknown>();
  const input = useRef<HTMLInputElement>(null);
  const act = async (what: Promise<unknown>) => {
    setError(undefined);
    try {
      await what;
      list.reload();
    } catch (cause) {
      setError(cause);
    }
  };
  const send = (file: File | undefined) => {
    if (!file) return;
    const query = { language: tag, label: languages[tag as keyof typeof languages] };
    void act(request('PUT', path, { query, body: new Blob([file], { type: 'text/vtt' }) }));
  };
  return (
    <Card>
      <div class="videos-form">
        <h3>{t('captions')}</h3>
        <p class="muted small">{t('captionsHint')}</p>
        {!!error && (
          <p class="form-error" role="alert">
            {explain(error)}
          </p>
        )}
        <ul>
          {list.data?.items.map((one) => (
            <li key={one.language} class="videos-said" data-captions={one.language}>
              <span lang={one.language}>{one.label}</span>
              <IconButton
                svg={trash}
                size={18}
                label={t('removeCaptions', { name: one.label })}
                onClick={() => void act(request('DELETE', path, { query: { language: one.language } }))}
              />
            </li>
          ))}
        </ul>
        <Select label={t('captionsLanguage')} value={tag} onChange={(event) => setTag(event.currentTarget.value)}>
          {Object.entries(languages).map(([one, name]) => (
            <option key={one} value={one} lang={one}>
              {name}
            </option>
          ))}
        </Select>
        <input
          ref={input}
          type="file"
          accept=".vtt,.srt,text/vtt"
          aria-label={t('addCaptions')}
          class="visually-hidden"
          tabIndex={-1}
          onChange={(event) => {
            send(event.currentTarget.files?.[0]);
            event.currentTarget.value = '';
          }}
        />
        <Button onClick={() => input.current?.click()}>{t('addCaptions')}</Button>
      </div>
    </Card>
  );
}
