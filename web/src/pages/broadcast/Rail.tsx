import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import bagIcon from 'lucide-static/icons/shopping-bag.svg?raw';
import rewindIcon from 'lucide-static/icons/rewind.svg?raw';
import ellipsis from 'lucide-static/icons/ellipsis.svg?raw';
import shareIcon from 'lucide-static/icons/share-2.svg?raw';
import volume from 'lucide-static/icons/volume-2.svg?raw';
import volumeOff from 'lucide-static/icons/volume-x.svg?raw';
import type { Chat } from '../../chat/chat';
import { LikeButton } from '../../chat/Likes';
import { chooseLanguage } from '../../app/speak';
import { useStore } from '../../app/store';
import { t as common } from '../../i18n/common';
import { number } from '../../i18n/format';
import { language, languages, type Language } from '../../i18n/language';
import type { Room, RoomView } from '../../room/room';
import { giveConsent, hasConsent } from '../../room/visitor';
import { IconButton } from '../../ui/Button';
import { Select } from '../../ui/Field';
import { Sheet } from '../../ui/Sheet';
import { toast } from '../../ui/Toast';
import { Choices } from './Choices';
import { t } from './messages';

/** One tap goes so far back; the bar goes further. */
const rewindSeconds = 15;

interface Props {
  room: Room;
  view: RoomView;
  chat: Chat;
  count: number;
  onBag: () => void;
  stats: boolean;
  onStats: (shown: boolean) => void;
}

/** Rail is what the thumb reaches: sound, share, bag, and the rest behind one more tap. */
export function Rail({ room, view, chat, count, onBag, stats, onStats }: Props) {
  const [more, setMore] = useState(false);
  return (
    <div class="rail">
      <IconButton svg={ellipsis} label={t('more')} onClick={() => setMore(true)} />
      {view.player === 'playing' && (view.overlay?.state !== 'ended' || view.replay) && (
        <IconButton
          svg={view.muted ? volumeOff : volume}
          label={view.muted ? t('sound') : t('soundOff')}
          onClick={() => (view.muted ? room.unmute() : room.mute())}
        />
      )}
      {view.player === 'playing' && view.rewindable && !view.rewound && !view.replay && (
        <IconButton svg={rewindIcon} mirror label={t('rewind')} onClick={() => void room.rewind(rewindSeconds)} />
      )}
      {view.overlay?.state !== 'ended' && <LikeButton chat={chat} />}
      <IconButton
        svg={shareIcon}
        mirror
        label={t('share')}
        onClick={() => void share(view.broadcast?.title ?? 'Hawker')}
      />
      <IconButton svg={bagIcon} label={t('bag', { count })} class="rail-bag" onClick={onBag}>
        {count > 0 && (
          <span class="rail-count tabular" aria-hidden="true">
            {number(count)}
          </span>
        )}
      </IconButton>
      <Sheet title={t('more')} open={more} onClose={() => setMore(false)}>
        <More>
          <Choices room={room} view={view} stats={stats} onStats={onStats} />
        </More>
      </Sheet>
    </div>
  );
}

function More({ children }: { children: ComponentChildren }) {
  const speaking = useStore(language);
  const [consent, setConsent] = useState(hasConsent);
  return (
    <div class="more">
      {children}
      <Select
        label={common('language')}
        value={speaking}
        onChange={(event) => void chooseLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(languages).map(([tag, name]) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </Select>
      <label class="more-consent">
        <input
          type="checkbox"
          checked={consent}
          onChange={(event) => {
            giveConsent(event.currentTarget.checked);
            setConsent(event.currentTarget.checked);
          }}
        />
        <span>
          {t('rememberMe')}
          <small class="muted">{t('rememberMeText')}</small>
        </span>
      </label>
      <a class="button button-plain" href="/orders">
        {common('orders')}
      </a>
    </div>
  );
}

async function share(title: string): Promise<void> {
  const url = location.origin + location.pathname;
  try {
    if (navigator.share) await navigator.share({ title, url });
    else {
      await navigator.clipboard.writeText(url);
      toast(t('shared'));
    }
  } catch {
    // The viewer changed their mind, or the browser refused: the address bar still has it.
  }
}
