import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import pinIcon from 'lucide-static/icons/pin.svg?raw';
import { useStore } from '../app/store';
import { explain } from '../api/errors';
import { Icon } from '../ui/Icon';
import { Sheet } from '../ui/Sheet';
import { Button } from '../ui/Button';
import { toast } from '../ui/Toast';
import type { Chat } from './chat';
import { t } from './messages';
import type { Line } from './types';
import './chat.css';

interface Props {
  chat: Chat;
  /** over: a few lines over the picture. panel: all that there is, to scroll in. */
  kind: 'over' | 'panel';
  onReply: (line: Line) => void;
  /** What else one of the channel's people may do with a line. */
  actions?: (line: Line, done: () => void) => preact.ComponentChildren;
}

const overMax = 5;
/** So near to the oldest line the page before it is fetched. */
const nearOldest = 80;

/** ChatLog is what is said. */
export function ChatLog({ chat, kind, onReply, actions }: Props) {
  const { lines, pinned, rules, loaded, older } = useStore(chat.view);
  const [chosen, setChosen] = useState<Line>();
  const list = useRef<HTMLDivElement>(null);
  const [away, setAway] = useState(false);
  const last = lines.at(-1)?.id;
  const first = lines[0]?.id;
  // Lines that come in front move nothing under the reader's eyes.
  const before = useRef<{ first: string | undefined; height: number }>({ first, height: 0 });
  useLayoutEffect(() => {
    const log = list.current;
    if (!log) return;
    const { first: was, height } = before.current;
    const stayed = was !== undefined && was !== first && lines.some((line) => line.id === was);
    if (kind === 'panel' && stayed) log.scrollTop += log.scrollHeight - height;
    before.current = { first, height: log.scrollHeight };
  }, [first, last, lines.length]);
  const readBack = () => void chat.readBack();
  useEffect(() => {
    // Who reads what was said before is not pulled away from it.
    if (!away) list.current?.scrollTo(0, list.current.scrollHeight);
  }, [last, away]);
  const shown = kind === 'over' ? lines.slice(-overMax) : lines;
  return (
    <div class={`chat chat-${kind}`}>
      {pinned && (
        <p class="chat-pinned">
          <Icon svg={pinIcon} size={16} label={t('pinned')} /> <Said line={pinned} />
        </p>
      )}
      <div
        class="chat-lines"
        ref={list}
        role="log"
        aria-live="polite"
        aria-label={t('chat')}
        tabIndex={kind === 'panel' ? 0 : undefined}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          const gone = kind === 'panel' && scrollHeight - scrollTop - clientHeight > 60;
          setAway(gone);
          if (!gone && kind === 'panel') chat.toNewest();
          if (gone && scrollTop < nearOldest) readBack();
        }}
      >
        {kind === 'panel' && older && (
          <button type="button" class="chat-older" onClick={readBack}>
            {t('older')}
          </button>
        )}
        {shown.map((line) => (
          <div key={line.id} class="chat-item" data-line={line.id}>
            <button
              type="button"
              class="chat-line"
              aria-label={t('message', { name: line.name })}
              aria-describedby={`line-${kind}-${line.id}`}
              onClick={() => setChosen(line)}
            />
            <span id={`line-${kind}-${line.id}`}>
              <Said line={line} />
            </span>
          </div>
        ))}
        {kind === 'panel' && loaded && lines.length === 0 && (
          <p class="muted small">{rules.off ? t('off') : t('empty')}</p>
        )}
      </div>
      {away && (
        <button type="button" class="chat-newest" onClick={() => setAway(false)}>
          {t('newLines')}
        </button>
      )}
      <Sheet
        title={t('message', { name: chosen?.name ?? '' })}
        open={chosen !== undefined}
        onClose={() => setChosen(undefined)}
      >
        {chosen && (
          <Choices
            chat={chat}
            line={chosen}
            onReply={() => {
              onReply(chosen);
              setChosen(undefined);
            }}
            onDone={() => setChosen(undefined)}
            actions={actions}
          />
        )}
      </Sheet>
    </div>
  );
}

/** Said is one line. What people typed runs its own way and is text, whatever is in it. */
export function Said({ line }: { line: Line }) {
  return (
    <span class="chat-said">
      {line.reply && (
        <span class="chat-quote" dir="auto">
          <bdi>{line.reply.name}</bdi>: <bdi>{line.reply.text}</bdi>
        </span>
      )}
      <bdi class="chat-name">{line.name}</bdi>
      {line.role && <span class="chat-role">{t(line.role)}</span>} <bdi class="chat-text">{line.text}</bdi>
    </span>
  );
}

const reasons = ['spam', 'abuse', 'hate', 'sexual', 'other'] as const;

interface ChoicesProps {
  chat: Chat;
  line: Line;
  onReply: () => void;
  onDone: () => void;
  actions?: Props['actions'];
}

function Choices({ chat, line, onReply, onDone, actions }: ChoicesProps) {
  const [reporting, setReporting] = useState(false);
  const { me } = useStore(chat.view);
  const own = me?.author === line.author;
  const report = async (reason: string) => {
    try {
      await chat.report(line.id, reason);
      toast(t('reported'));
    } catch (error) {
      toast(explain(error), 'bad');
    }
    onDone();
  };
  return (
    <div class="chat-choices">
      <p class="chat-chosen">
        <Said line={line} />
      </p>
      {reporting ? (
        <>
          <p class="muted">{t('reportTitle')}</p>
          {reasons.map((reason) => (
            <Button key={reason} onClick={() => void report(reason)}>
              {t(reason)}
            </Button>
          ))}
        </>
      ) : (
        <>
          {me?.author && <Button onClick={onReply}>{t('reply')}</Button>}
          {!own && <Button onClick={() => setReporting(true)}>{t('report')}</Button>}
          {actions?.(line, onDone)}
        </>
      )}
    </div>
  );
}
