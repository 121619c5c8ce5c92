import { useState } from 'preact/hooks';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useLoad } from '../../api/load';
import type { Access, Broadcast, Page, ViewingToken } from '../../api/types';
import { dateTime } from '../../i18n/format';
import { Copy } from '../../manage/Copy';
import { Button } from '../../ui/Button';
import { Field, Select } from '../../ui/Field';
import { toast } from '../../ui/Toast';
import { t } from './messages';

const day = 24 * 60 * 60;

/** Audience says whom the broadcast is for, and gives out links to what needs one. */
export function Audience({ broadcast, onChange }: { broadcast: Broadcast; onChange: (changed: Broadcast) => void }) {
  const choose = async (access: Access) => {
    try {
      onChange(await api.patch<Broadcast>(`/v1/broadcasts/${broadcast.id}`, { access }));
    } catch (error) {
      toast(explain(error), 'bad');
    }
  };
  return (
    <section aria-label={t('audience')} data-audience>
      <h2 class="panel-title">{t('audience')}</h2>
      <Select
        label={t('whoMayWatch')}
        hint={t('whoMayWatchHint')}
        value={broadcast.access ?? 'public'}
        onChange={(event) => void choose(event.currentTarget.value as Access)}
      >
        <option value="public">{t('forEverybody')}</option>
        <option value="followers">{t('forFollowers')}</option>
        <option value="token">{t('forLinks')}</option>
      </Select>
      {broadcast.access === 'token' && <Links broadcast={broadcast.id} />}
    </section>
  );
}

function Links({ broadcast }: { broadcast: string }) {
  const path = `/v1/broadcasts/${broadcast}/viewing-tokens`;
  const { data, reload } = useLoad((signal) => api.get<Page<ViewingToken>>(path, undefined, signal), [path]);
  const [name, setName] = useState('');
  const [link, setLink] = useState('');
  const [busy, setBusy] = useState(false);
  const act = async (what: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await what();
      reload();
    } catch (error) {
      toast(explain(error), 'bad');
    } finally {
      setBusy(false);
    }
  };
  const make = () =>
    act(async () => {
      const { token } = await api.post<{ token: string }>(path, { name, expires_in: 7 * day });
      setLink(`${location.origin}/b/${broadcast}?token=${token}`);
      setName('');
    });
  return (
    <>
      <Field
        label={t('linkName')}
        value={name}
        maxLength={80}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <Button busy={busy} onClick={() => void make()}>
        {t('makeLink')}
      </Button>
      {link && <Copy label={t('linkOnce')} value={link} secret />}
      <ul class="links">
        {data?.items.map((one) => (
          <li key={one.id}>
            <span dir="auto">{one.name || t('linkUnnamed')}</span>{' '}
            <span class="small muted">{t('linkUntil', { time: dateTime(one.expires_at) })}</span>{' '}
            <Button kind="bad" onClick={() => void act(() => api.delete(`${path}/${one.id}`))}>
              {t('revokeLink')}
            </Button>
          </li>
        ))}
      </ul>
    </>
  );
}
