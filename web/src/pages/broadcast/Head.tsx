import x from 'lucide-static/icons/x.svg?raw';
import eye from 'lucide-static/icons/eye.svg?raw';
import type { Chat } from '../../chat/chat';
import { FollowButton } from '../../chat/FollowButton';
import { t as common } from '../../i18n/common';
import { compact } from '../../i18n/format';
import type { RoomView } from '../../room/room';
import { IconButton } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Skeleton } from '../../ui/Skeleton';
import { t } from './messages';

/** Head names whose show this is, whether it is live and how many watch, and lets the viewer leave. */
export function Head({ view, chat, onLeave }: { view: RoomView; chat: Chat; onLeave: () => void }) {
  const { broadcast, overlay } = view;
  const live = overlay?.state === 'live' || overlay?.state === 'interrupted';
  return (
    <header class="room-head">
      {broadcast ? (
        <a class="room-channel" href={`/c/${broadcast.channel}`}>
          <span class="avatar" aria-hidden="true">
            {[...broadcast.channel_name][0]}
          </span>
          <span class="room-names">
            <strong class="user-text" dir="auto">
              {broadcast.channel_name}
            </strong>
            <span class="room-title user-text" dir="auto">
              {broadcast.title}
            </span>
          </span>
        </a>
      ) : (
        <Skeleton width="160px" height="36px" />
      )}
      {broadcast && <FollowButton chat={chat} channel={broadcast.channel} />}
      {live && overlay && (
        <p class="room-live">
          <span class="live-badge">{common('live')}</span>
          <span class="tabular room-viewers">
            <Icon svg={eye} size={16} />
            <span aria-hidden="true">{compact(overlay.viewers)}</span>
            <span class="visually-hidden">{common('viewers', { count: overlay.viewers })}</span>
          </span>
        </p>
      )}
      {overlay?.state === 'rehearsal' && <p class="room-replay">{t('rehearsal')}</p>}
      {view.replay && <p class="room-replay">{t('replay')}</p>}
      <IconButton svg={x} label={t('leave')} onClick={onLeave} />
    </header>
  );
}
