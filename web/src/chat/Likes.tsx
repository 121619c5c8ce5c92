import { useEffect, useRef } from 'preact/hooks';
import heart from 'lucide-static/icons/heart.svg?raw';
import { useStore } from '../app/store';
import { compact } from '../i18n/format';
import { IconButton } from '../ui/Button';
import type { Chat } from './chat';
import { t } from './messages';
import './chat.css';

const heartsMax = 12;

/** LikeButton counts hearts, and lets them rise where motion is wanted. */
export function LikeButton({ chat }: { chat: Chat }) {
  const { likes } = useStore(chat.view);
  const sky = useRef<HTMLSpanElement>(null);
  useEffect(
    () =>
      chat.onHearts((count) => {
        const place = sky.current;
        if (!place || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
        for (let n = 0; n < count && place.childElementCount < heartsMax; n++) {
          const one = document.createElement('span');
          one.className = 'heart';
          one.innerHTML = heart;
          one.style.setProperty('--drift', `${Math.round(Math.random() * 48 - 24)}px`);
          one.style.animationDelay = `${n * 60}ms`;
          one.onanimationend = () => one.remove();
          place.append(one);
        }
      }),
    [chat],
  );
  return (
    <IconButton svg={heart} class="like" label={t('like', { count: likes })} onClick={() => chat.like()}>
      <span class="hearts" ref={sky} aria-hidden="true" />
      {likes > 0 && (
        <span class="rail-count tabular" aria-hidden="true">
          {compact(likes)}
        </span>
      )}
    </IconButton>
  );
}
