import { useEffect, useState } from 'preact/hooks';
import x from 'lucide-static/icons/x.svg?raw';
import { t as common } from '../../i18n/common';
import { number } from '../../i18n/format';
import type { Room } from '../../room/room';
import { IconButton } from '../../ui/Button';
import { t } from './messages';

type Figures = Awaited<ReturnType<Room['figures']>>;

const everyMilliseconds = 1000;
const unknown = '–';

/** Stats shows how the picture comes: for who wonders, and for who is asked on the telephone. */
export function Stats({ room, onClose }: { room: Room; onClose: () => void }) {
  const [figures, setFigures] = useState<Figures>();
  useEffect(() => {
    let here = true;
    const read = () =>
      void room.figures().then(
        (now) => here && setFigures(now),
        () => undefined,
      );
    read();
    const timer = setInterval(read, everyMilliseconds);
    return () => {
      here = false;
      clearInterval(timer);
    };
  }, [room]);
  return (
    <section class="stats" aria-label={t('stats')}>
      <IconButton svg={x} label={common('close')} size={18} onClick={onClose} />
      <dl>
        {figures &&
          rows(figures).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="tabular">
                <bdi>{value}</bdi>
              </dd>
            </div>
          ))}
      </dl>
    </section>
  );
}

/** rows are the figures as they are read; what is not known yet stays in its place. */
function rows(f: Figures): [string, string][] {
  const milliseconds = (value: number | undefined) =>
    value === undefined ? unknown : t('milliseconds', { count: Math.round(value) });
  const count = (value: number | undefined) => (value === undefined ? unknown : number(value));
  const via = { udp: 'WebRTC · UDP', tcp: 'WebRTC · TCP', http: 'HLS' };
  const transport = f.path ? via[f.path] : { whep: 'WebRTC', hls: 'HLS' }[f.transport ?? 'whep'];
  return [
    [t('statTransport'), f.transport ? transport : unknown],
    [t('statPicture'), f.width && f.height ? `${number(f.width)} × ${number(f.height)}` : unknown],
    [t('statRate'), f.rate === undefined ? unknown : t('perSecond', { count: Math.round(f.rate) })],
    [
      t('statBitrate'),
      f.bitrate === undefined
        ? unknown
        : t('megabits', { rate: number(f.bitrate / 1e6, { maximumFractionDigits: 2 }) }),
    ],
    [t('statLag'), milliseconds(f.lag)],
    [t('statBuffer'), milliseconds(f.buffer)],
    [t('statDropped'), count(f.dropped)],
    [t('statFreezes'), count(f.freezes)],
    [t('statSkew'), milliseconds(f.skew)],
    [
      t('statCards'),
      f.cards.late === 0
        ? t('cardsExact', { count: f.cards.exact })
        : t('cardsLate', { exact: f.cards.exact, late: f.cards.late, worst: Math.round(f.cards.worst) }),
    ],
  ];
}
