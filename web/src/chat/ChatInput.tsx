import { useEffect, useRef, useState } from 'preact/hooks';
import sendIcon from 'lucide-static/icons/send.svg?raw';
import x from 'lucide-static/icons/x.svg?raw';
import { useStore } from '../app/store';
import { dateTime } from '../i18n/format';
import { IconButton } from '../ui/Button';
import type { Chat, ChatView } from './chat';
import { t } from './messages';
import type { Line } from './types';
import './chat.css';

interface Props {
  chat: Chat;
  reply: Line | undefined;
  onReply: (line: Line | undefined) => void;
  /** Whose channel it is, for who must follow it. */
  channel: string;
  ended: boolean;
}

const textMax = 200;

/** ChatInput is where one says something, or reads why not. */
export function ChatInput({ chat, reply, onReply, channel, ended }: Props) {
  const view = useStore(chat.view);
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const slow = useCountdown(view.slowUntil);
  useEffect(() => {
    if (reply) input.current?.focus();
  }, [reply?.id]);

  if (ended) return null;
  if (view.me?.code === 'unauthenticated') {
    const next = encodeURIComponent(location.pathname + location.search);
    return (
      <p class="chat-input">
        <a class="button button-plain button-wide" href={`/sign-in?next=${next}`}>
          {t('signIn')}
        </a>
      </p>
    );
  }
  const barred = whyNot(view, channel);
  if (barred) {
    return (
      <p class="chat-input chat-barred" role="status">
        {barred}
      </p>
    );
  }
  const send = async () => {
    const line = text.trim();
    if (!line || busy || slow > 0) return;
    setBusy(true);
    const taken = await chat.say(line, reply?.id);
    setBusy(false);
    if (!taken) return;
    setText('');
    onReply(undefined);
    input.current?.focus();
  };
  const notice = slow > 0 ? t('slow', { seconds: slow }) : view.notice && said(view.notice.code);
  return (
    <form
      class="chat-input"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {reply && (
        <p class="chat-replying">
          <span dir="auto">{t('replyTo', { name: reply.name })}</span>
          <IconButton svg={x} size={16} label={t('cancelReply')} onClick={() => onReply(undefined)} />
        </p>
      )}
      <p class="chat-notice" role="status">
        {notice ??
          (view.rules.slow_seconds > 0 && !view.me?.role ? t('slowRule', { seconds: view.rules.slow_seconds }) : '')}
      </p>
      <div class="chat-field">
        <input
          ref={input}
          dir="auto"
          enterkeyhint="send"
          autocomplete="off"
          aria-label={t('say')}
          placeholder={t('say')}
          maxLength={textMax}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            if (view.notice) chat.dismiss();
          }}
        />
        <IconButton svg={sendIcon} mirror label={t('send')} type="submit" disabled={slow > 0} aria-busy={busy} />
      </div>
    </form>
  );
}

/** useCountdown is how many seconds there are until a time; 0 when it has passed. */
function useCountdown(until: number | undefined): number {
  const [now, setNow] = useState(() => performance.now());
  const left = until === undefined ? 0 : Math.max(0, Math.ceil((until - now) / 1000));
  useEffect(() => {
    setNow(performance.now());
    if (until === undefined) return;
    const timer = setInterval(() => setNow(performance.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  return left;
}

function whyNot({ me, rules }: ChatView, channel: string): string | undefined {
  if (rules.off && !me?.role) return t('off');
  switch (me?.code) {
    case 'banned':
      return t('banned');
    case 'muted':
      return me.until ? t('mutedUntil', { time: dateTime(me.until, { timeStyle: 'short' }) }) : t('muted');
    case 'newcomer':
      return t('newcomer');
  }
  if (rules.followers_only && me && !me.follows && !me.role) return t('followToChat', { name: channel });
  return undefined;
}

const words: Record<string, Parameters<typeof t>[0]> = {
  held: 'held',
  word: 'word',
  link: 'link',
  'too-long': 'tooLong',
  'bad-text': 'badText',
  'too-fast': 'tooFast',
  'slow-mode': 'tooFast',
  repeated: 'repeated',
  'reply-gone': 'replyGone',
  newcomer: 'newcomer',
  'followers-only': 'followersRule',
  'chat-off': 'off',
  muted: 'muted',
  banned: 'banned',
  ended: 'ended',
  unauthenticated: 'signIn',
};

function said(code: string): string {
  return (t as (key: string) => string)(words[code] ?? 'busy');
}
