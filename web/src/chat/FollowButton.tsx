import { useState } from 'preact/hooks';
import { api } from '../api/client';
import { explain } from '../api/errors';
import { useStore } from '../app/store';
import { navigate } from '../app/router';
import { Button } from '../ui/Button';
import { toast } from '../ui/Toast';
import type { Chat } from './chat';
import { t } from './messages';

/** FollowButton follows the channel from the stream; guests sign in first. */
export function FollowButton({ chat, channel }: { chat: Chat; channel: string }) {
  const { me } = useStore(chat.view);
  const [busy, setBusy] = useState(false);
  if (!me || me.role) return null;
  const toggle = async () => {
    if (me.code === 'unauthenticated') {
      navigate(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    setBusy(true);
    try {
      const path = `/v1/channels/${channel}/follow`;
      await (me.follows ? api.delete(path) : api.put(path));
      await chat.loadMe();
    } catch (error) {
      toast(explain(error), 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button
      class="follow"
      kind={me.follows ? 'quiet' : 'plain'}
      busy={busy}
      aria-pressed={me.follows}
      onClick={() => void toggle()}
    >
      {me.follows ? t('following') : t('follow')}
    </Button>
  );
}
