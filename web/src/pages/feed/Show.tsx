import { useState } from 'preact/hooks';
import eye from 'lucide-static/icons/eye.svg?raw';
import { useEvery } from '../../api/load';
import type { BroadcastItem } from '../../api/types';
import { t as common } from '../../i18n/common';
import { compact, dateTime } from '../../i18n/format';
import { Icon } from '../../ui/Icon';
import { t } from './messages';

/** A picture is made at most so often. */
const posterMilliseconds = 10_000;

/** Poster lies over the drawn placeholder, which stays where there is no picture: no ffmpeg, or not yet. */
function Poster({ broadcast }: { broadcast: string }) {
  const [turn, setTurn] = useState(0);
  const [shown, setShown] = useState(false);
  useEvery(posterMilliseconds, () => setTurn((n) => n + 1));
  return (
    <img
      class={shown ? 'show-poster' : 'show-poster show-poster-away'}
      src={`/v1/broadcasts/${broadcast}/poster.jpg?turn=${turn}`}
      alt=""
      onLoad={() => setShown(true)}
      onError={() => setShown(false)}
    />
  );
}

/** Show is a broadcast in the list of those on air. */
export function Show({ item }: { item: BroadcastItem }) {
  const live = item.state === 'live';
  return (
    <li>
      <a class="show" href={`/b/${item.id}`} data-show={item.id}>
        <span class="show-picture" aria-hidden="true">
          {[...item.channel_name][0]}
          <Poster broadcast={item.id} />
        </span>
        <span class="show-text">
          <span class="show-line">
            <span class={live ? 'show-badge' : 'show-badge show-badge-away'}>
              {live ? common('live') : t('interrupted')}
            </span>
            <span class="show-viewers tabular">
              <Icon svg={eye} size={16} /> {compact(item.viewers)}
              <span class="visually-hidden">{common('viewers', { count: item.viewers })}</span>
            </span>
          </span>
          <strong class="user-text" dir="auto">
            {item.title}
          </strong>
          <span class="muted small">
            {item.channel_name}
            {item.started_at && ` · ${t('since', { time: dateTime(item.started_at, { timeStyle: 'short' }) })}`}
          </span>
        </span>
      </a>
    </li>
  );
}
