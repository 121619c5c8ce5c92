import { useEffect, useState } from 'preact/hooks';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import type { Page } from '../../api/types';
import { t } from '../../chat/messages';
import { t as common } from '../../i18n/common';
import { dateTime } from '../../i18n/format';
import { Failed } from '../../manage/Gate';
import { Button } from '../../ui/Button';
import { Skeleton } from '../../ui/Skeleton';
import { toast } from '../../ui/Toast';

interface Act {
  id: string;
  at: string;
  actor: string;
  action: string;
  broadcast?: string;
  message?: string;
  subject?: string;
  reason?: string;
}

/** What the server calls what was done, and we. */
const names = {
  'message.deleted': 'didDelete',
  'message.approved': 'didApprove',
  'message.refused': 'didRefuse',
  mute: 'didMute',
  ban: 'didBan',
  'silence.lifted': 'didLift',
  'settings.changed': 'didSettings',
  'word.added': 'didAddWord',
  'word.removed': 'didRemoveWord',
  'chat.on': 'didTurnOn',
  'chat.off': 'didTurnOff',
  'comment.pinned': 'didPin',
  'comment.unpinned': 'didUnpin',
  'announcement.set': 'didAnnounce',
  'announcement.cleared': 'didClear',
} as const;

const pageLength = 50;

/** nameOf says what was done; what a newer server calls something else is shown as it says it. */
export function nameOf(action: string): string {
  const key = names[action as keyof typeof names];
  return key ? t(key) : action;
}

/** Audit is what was done in a channel's chat, and by whom, the newest first. */
export function Audit({ channel }: { channel: string }) {
  const [acts, setActs] = useState<Act[]>();
  const [next, setNext] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const path = `/v1/channels/${channel}/chat/audit`;
  const read = async (cursor?: string) => {
    setBusy(true);
    try {
      const page = await api.get<Page<Act>>(path, { cursor, limit: String(pageLength) });
      setActs((before) => [...(cursor ? (before ?? []) : []), ...page.items]);
      setNext(page.next);
      setError(undefined);
    } catch (cause) {
      if (cursor) toast(explain(cause), 'bad');
      else setError(cause);
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => void read(), [path]);

  if (error) return <Failed error={error} onRetry={() => void read()} />;
  return (
    <main class="audit">
      <h2>{t('log')}</h2>
      <p class="muted">{t('logText')}</p>
      {!acts && <Skeleton height="240px" />}
      {acts?.length === 0 && <p class="muted">{t('logNone')}</p>}
      <ol class="audit-list" aria-busy={busy}>
        {acts?.map((act) => (
          <li key={act.id} data-act={act.action}>
            <p>
              <bdi class="audit-actor">{act.actor}</bdi> <span>{nameOf(act.action)}</span>
            </p>
            {/* Settings are named by their keys, which are Latin. */}
            {act.subject && (
              <p class="audit-subject" dir={act.action === 'settings.changed' ? 'ltr' : 'auto'}>
                {act.subject === 'address' ? t('address') : act.subject}
              </p>
            )}
            {act.reason && (
              <p class="small" dir="auto">
                {act.reason}
              </p>
            )}
            <p class="muted small">
              <time dateTime={act.at}>{dateTime(act.at)}</time>
              {act.broadcast && (
                <>
                  {' · '}
                  <a href={`/b/${act.broadcast}`}>{t('logShow')}</a>
                </>
              )}
            </p>
          </li>
        ))}
      </ol>
      {next && (
        <Button busy={busy} onClick={() => void read(next)}>
          {t('older')}
        </Button>
      )}
      <a class="button button-plain" href="/studio">
        {common('back')}
      </a>
    </main>
  );
}
