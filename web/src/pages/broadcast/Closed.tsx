import { useState } from 'preact/hooks';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useLoad } from '../../api/load';
import type { Broadcast } from '../../api/types';
import { useStore } from '../../app/store';
import { account } from '../../auth/auth';
import { t as common } from '../../i18n/common';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { toast } from '../../ui/Toast';
import { t } from './messages';

/** Closed is what a viewer sees of a show that is not for everybody: whom it is for, and what opens it. */
export function Closed({ id }: { id: string }) {
  const who = useStore(account);
  const [busy, setBusy] = useState(false);
  const { data } = useLoad((signal) => api.get<Broadcast>(`/v1/broadcasts/${id}`, undefined, signal), [id]);
  const home = (
    <a class="button button-plain" href="/">
      {common('seeLive')}
    </a>
  );
  if (data?.access !== 'followers') {
    return (
      <Notice title={t('refused')} text={data?.access === 'token' ? t('linkText') : t('refusedText')} action={home} />
    );
  }
  const follow = async () => {
    setBusy(true);
    try {
      await api.put(`/v1/channels/${data.channel}/follow`);
      location.reload();
    } catch (error) {
      toast(explain(error), 'bad');
      setBusy(false);
    }
  };
  const name = data.channel_name;
  return (
    <Notice
      title={data.title}
      text={t('followersText', { name })}
      action={
        who ? (
          <Button kind="accent" busy={busy} onClick={() => void follow()}>
            {t('follow', { name })}
          </Button>
        ) : (
          <a class="button button-accent" href={`/sign-in?next=${encodeURIComponent(`/b/${id}`)}`}>
            {t('signInToFollow')}
          </a>
        )
      }
    />
  );
}
