import { useState } from 'preact/hooks';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery, useLoad } from '../../api/load';
import type { components } from '../../api/schema';
import type { Page } from '../../api/types';
import { Button } from '../../ui/Button';
import { toast } from '../../ui/Toast';
import { t } from './messages';
import './ways.css';

type Publisher = components['schemas']['Publisher'];

/** Standby says which encoders are connected, which of them is on air, and lets another take over. */
export function Standby({ channel }: { channel: string }) {
  const path = `/v1/channels/${channel}/publishers`;
  const list = useLoad((signal) => api.get<Page<Publisher>>(path, undefined, signal), [path]);
  useEvery(1500, list.reload);
  const [chosen, setChosen] = useState('');
  const all = list.data?.items ?? [];
  if (all.length === 0) return null;
  const show = async (one: Publisher) => {
    setChosen(one.id);
    try {
      await api.put(`${path}/shown`, { publisher: one.id });
      list.reload();
    } catch (error) {
      toast(explain(error), 'bad');
    } finally {
      setChosen('');
    }
  };
  return (
    <section class="standby" aria-label={t('encoders')} data-standby>
      <h2 class="panel-title">{t('encoders')}</h2>
      <ul>
        {all.map((one) => (
          <li key={one.id} data-shown={!one.standby}>
            <span>
              <strong>{one.standby ? t('standsBy') : t('isOnAir')}</strong> ·{' '}
              <span dir="ltr">{[one.protocol.toUpperCase(), one.encoder].filter(Boolean).join(' · ')}</span>
            </span>
            <span class="small muted tabular">
              {t('kilobits', { value: Math.round((one.video_bitrate + one.audio_bitrate) / 1000) })}
              {one.width && one.height ? ` · ${one.width} × ${one.height}` : ''}
            </span>
            {one.standby && (
              <Button busy={chosen === one.id} onClick={() => void show(one)}>
                {t('showThis')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
