import { useEffect, useState } from 'preact/hooks';
import { api } from '../../api/client';
import { useEvery, useLoad } from '../../api/load';
import type { BroadcastItem, Page } from '../../api/types';
import { compact } from '../../i18n/format';
import { Home } from '../../app/Home';
import { t } from './messages';

const wideEnough = '(min-width: 1200px)';

/** Others lists who else is live, at the start side of a desk; a phone does not even ask. */
export function Others({ current }: { current: string }) {
  const [wide, setWide] = useState(() => matchMedia(wideEnough).matches);
  useEffect(() => {
    const query = matchMedia(wideEnough);
    const change = () => setWide(query.matches);
    query.addEventListener('change', change);
    return () => query.removeEventListener('change', change);
  }, []);
  return wide ? <OthersList current={current} /> : null;
}

function OthersList({ current }: { current: string }) {
  const { data, reload } = useLoad(
    (signal) => api.get<Page<BroadcastItem>>('/v1/broadcasts', { state: 'live' }, signal),
    [],
  );
  useEvery(15_000, reload);
  const others = data?.items.filter((one) => one.id !== current);
  return (
    <>
      <Home named />
      <h2>{t('others')}</h2>
      {others?.length === 0 && <p class="muted">{t('noOthers')}</p>}
      <ul class="others">
        {others?.map((one) => (
          <li key={one.id}>
            <a href={`/b/${one.id}`}>
              <span class="avatar" aria-hidden="true">
                {[...one.channel_name][0]}
              </span>
              <span>
                <strong dir="auto">{one.channel_name}</strong>
                <small class="muted user-text" dir="auto">
                  {one.title}
                </small>
              </span>
              <span class="tabular muted small">{compact(one.viewers)}</span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}
