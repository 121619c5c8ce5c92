import { useEffect, useState } from 'preact/hooks';
import { api } from '../../api/client';
import { useLoad } from '../../api/load';
import type { Page } from '../../api/types';
import { useStore } from '../../app/store';
import type { Chat } from '../../chat/chat';
import { ChatInput } from '../../chat/ChatInput';
import { ChatLog, Said } from '../../chat/ChatLog';
import { act, moderatorActions } from '../../chat/moderation';
import { t } from '../../chat/messages';
import type { Line, Queued } from '../../chat/types';
import { Button } from '../../ui/Button';
import { Field, Select } from '../../ui/Field';

interface Props {
  chat: Chat;
  broadcast: { id: string; channel: string; channel_name: string; state: string };
}

/** ChatPanel is the chat as the channel's people see it: what is said, what waits, and the rules. */
export function ChatPanel({ chat, broadcast }: Props) {
  const view = useStore(chat.view);
  const [reply, setReply] = useState<Line>();
  const [settings, setSettings] = useState(false);
  const path = `/v1/broadcasts/${broadcast.id}/chat`;
  const actions = moderatorActions(broadcast.id, broadcast.channel);
  return (
    <section class="chat-studio" aria-label={t('chat')}>
      <h2 class="panel-title">{t('chat')}</h2>
      {view.pinned && <Button onClick={() => void act(() => api.delete(`${path}/pinned`))}>{t('unpin')}</Button>}
      <ChatLog chat={chat} kind="panel" onReply={setReply} actions={actions} />
      <ChatInput
        chat={chat}
        reply={reply}
        onReply={setReply}
        channel={broadcast.channel_name}
        ended={broadcast.state === 'ended'}
      />
      <Review path={path} turn={view.waiting} />
      <Announcement path={path} now={view.announcement} />
      <Button
        kind={view.rules.off ? 'plain' : 'bad'}
        onClick={() => void act(() => api.put(`${path}/switch`, { off: !view.rules.off }))}
      >
        {view.rules.off ? t('turnOn') : t('turnOff')}
      </Button>
      <Button kind="quiet" aria-expanded={settings} onClick={() => setSettings(!settings)}>
        {t('settings')}
      </Button>
      {settings && <Rules channel={broadcast.channel} />}
      <a class="button button-quiet" href={`/studio/audit/${broadcast.channel}`} target="_blank" rel="noopener">
        {t('log')}
      </a>
    </section>
  );
}

/** Review is what waits for a decision. */
function Review({ path, turn }: { path: string; turn: number }) {
  const { data, reload } = useLoad((signal) => api.get<Page<Queued>>(`${path}/review`, undefined, signal), [path]);
  useEffect(() => {
    if (turn > 0) reload();
  }, [turn]);
  const items = data?.items ?? [];
  const decide = (id: string, approve: boolean) =>
    void act(() => api.put(`${path}/messages/${id}/decision`, { approve })).then(reload);
  return (
    <section class="chat-review" aria-label={t('review')}>
      <h3>{t('review')}</h3>
      {items.length === 0 && <p class="muted small">{t('reviewEmpty')}</p>}
      <ul>
        {items.map((one) => (
          <li key={one.id} data-held={one.id}>
            <Said line={one} />
            <p class="muted small">
              {one.why === 'word'
                ? t('whyWord')
                : one.why === 'link'
                  ? t('whyLink')
                  : t('whyReports', { count: one.reports })}
            </p>
            <p class="chat-decide">
              <Button onClick={() => decide(one.id, true)}>{t('approve')}</Button>
              <Button kind="bad" onClick={() => decide(one.id, false)}>
                {t('refuse')}
              </Button>
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Announcement({ path, now }: { path: string; now: string }) {
  const [text, setText] = useState('');
  return (
    <form
      class="chat-announce"
      onSubmit={(event) => {
        event.preventDefault();
        void act(() => api.put(`${path}/announcement`, { text })).then((ok) => ok && setText(''));
      }}
    >
      <Field
        label={t('announcement')}
        hint={now || undefined}
        dir="auto"
        maxLength={120}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <p class="chat-decide">
        <Button type="submit" disabled={!text.trim()}>
          {t('announce')}
        </Button>
        {now && <Button onClick={() => void act(() => api.delete(`${path}/announcement`))}>{t('clear')}</Button>}
      </p>
    </form>
  );
}

interface RulesBody {
  settings: { slow_seconds: number; followers_only: boolean; links: string; lists: string };
  words: { id: string; text: string; action: string }[];
}

interface Silence {
  id: string;
  kind: 'mute' | 'ban';
  name: string;
  address: boolean;
}

/** Rules are the channel's: slow mode, who may speak, links, words, and who is silenced. */
function Rules({ channel }: { channel: string }) {
  const path = `/v1/channels/${channel}`;
  const rules = useLoad((signal) => api.get<RulesBody>(`${path}/chat`, undefined, signal), [path]);
  const silences = useLoad((signal) => api.get<Page<Silence>>(`${path}/silences`, undefined, signal), [path]);
  const [word, setWord] = useState('');
  const [action, setAction] = useState('block');
  if (!rules.data) return null;
  const { settings, words } = rules.data;
  const change = (to: object) => void act(() => api.patch(`${path}/chat`, to)).then(() => rules.reload());
  return (
    <div class="chat-rules">
      <Select
        label={t('slowMode')}
        value={String(settings.slow_seconds)}
        onChange={(event) => change({ slow_seconds: Number(event.currentTarget.value) })}
      >
        <option value="0">{t('none')}</option>
        {[...new Set([3, 5, 10, 30, 60, settings.slow_seconds])].filter(Boolean).map((count) => (
          <option key={count} value={String(count)}>
            {t('seconds', { count })}
          </option>
        ))}
      </Select>
      <label class="chat-check">
        <input
          type="checkbox"
          checked={settings.followers_only}
          onChange={(event) => change({ followers_only: event.currentTarget.checked })}
        />
        {t('followersOnly')}
      </label>
      <Select
        label={t('links')}
        value={settings.links}
        onChange={(event) => change({ links: event.currentTarget.value })}
      >
        <option value="allow">{t('linksAllow')}</option>
        <option value="hold">{t('hold')}</option>
        <option value="block">{t('block')}</option>
      </Select>
      <Select
        label={t('lists')}
        value={settings.lists}
        onChange={(event) => change({ lists: event.currentTarget.value })}
      >
        <option value="">{t('linksAllow')}</option>
        <option value="hold">{t('hold')}</option>
        <option value="block">{t('block')}</option>
      </Select>
      <h3>{t('words')}</h3>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act(() => api.post(`${path}/chat/words`, { text: word, action })).then((ok) => {
            if (ok) setWord('');
            rules.reload();
          });
        }}
      >
        <Field
          label={t('word1')}
          hint={t('wordsHint')}
          dir="auto"
          maxLength={60}
          value={word}
          onInput={(event) => setWord(event.currentTarget.value)}
        />
        <Select label={t('lists')} value={action} onChange={(event) => setAction(event.currentTarget.value)}>
          <option value="block">{t('block')}</option>
          <option value="hold">{t('hold')}</option>
          <option value="allow">{t('linksAllow')}</option>
        </Select>
        <Button type="submit" disabled={!word.trim()}>
          {t('add')}
        </Button>
      </form>
      <ul class="chat-words">
        {words.map((one) => (
          <li key={one.id}>
            <bdi>{one.text}</bdi>{' '}
            <span class="muted small">
              {t(one.action === 'block' ? 'block' : one.action === 'hold' ? 'hold' : 'linksAllow')}
            </span>
            <Button
              kind="quiet"
              aria-label={t('remove', { word: one.text })}
              onClick={() => void act(() => api.delete(`${path}/chat/words/${one.id}`)).then(() => rules.reload())}
            >
              ×
            </Button>
          </li>
        ))}
      </ul>
      <h3>{t('silenced')}</h3>
      {silences.data?.items.length === 0 && <p class="muted small">{t('silencedNone')}</p>}
      <ul class="chat-words">
        {silences.data?.items.map((one) => (
          <li key={one.id}>
            <bdi>{one.address ? t('address') : one.name}</bdi>{' '}
            <span class="muted small">{t(one.kind === 'ban' ? 'ban' : 'mute')}</span>
            <Button
              onClick={() => void act(() => api.delete(`${path}/silences/${one.id}`)).then(() => silences.reload())}
            >
              {t('lift')}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
