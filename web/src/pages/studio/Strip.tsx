import { useState } from 'preact/hooks';
import type { Health } from '../../api/types';
import { money, number } from '../../i18n/format';
import { amountOf } from '../../manage/data';
import { Sheet } from '../../ui/Sheet';
import { diagnose, type Finding, type Level } from './doctor';
import { t } from './messages';
import type { RoomData } from './useRoom';

/** Strip is the row of figures under the picture. Figures change in place, nothing jumps. */
export function Strip({ data, latency }: { data: RoomData; latency: number | undefined }) {
  const { sales, room, broadcast } = data;
  const [doctor, setDoctor] = useState(false);
  const onAir = room?.state === 'live' || room?.state === 'interrupted';
  const health = diagnose(onAir ? broadcast?.health : undefined);
  return (
    <>
      <dl class="strip">
        <Figure name={t('viewersTile')} value={number(room?.viewers ?? 0)} />
        {sales && <Figure name={t('ordersTile')} value={number(sales.orders)} />}
        {sales && (
          <Figure
            name={t('gmvTile')}
            value={money({ amount: amountOf(sales.gmv), currency: sales.currency || broadcast?.currency || 'EUR' })}
          />
        )}
        {latency !== undefined && (
          <Figure
            name={t('latencyTile')}
            hint={t('latencyHint')}
            value={t('seconds', {
              value: number(latency / 1000, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
            })}
          />
        )}
        <div class="strip-figure">
          <dt>{t('healthTile')}</dt>
          <dd>
            <button type="button" class="health" data-level={health.level} onClick={() => setDoctor(true)}>
              <span class="health-dot" aria-hidden="true" />
              {levelName(health.level)}
            </button>
          </dd>
        </div>
      </dl>
      <Sheet title={t('doctor')} open={doctor} onClose={() => setDoctor(false)}>
        <Doctor health={onAir ? broadcast?.health : undefined} findings={health.findings} level={health.level} />
      </Sheet>
    </>
  );
}

function Figure({ name, value, hint }: { name: string; value: string; hint?: string }) {
  return (
    <div class="strip-figure" title={hint}>
      <dt>{name}</dt>
      <dd class="tabular">{value}</dd>
    </div>
  );
}

function levelName(level: Level): string {
  const names = { ok: 'healthOk', warn: 'healthWarn', bad: 'healthBad', unknown: 'healthUnknown' } as const;
  return t(names[level]);
}

const advice = {
  bFrames: 'adviceBFrames',
  keyLong: 'adviceKeyLong',
  bitrateLow: 'adviceBitrateLow',
  bitrateHigh: 'adviceBitrateHigh',
  framesLow: 'adviceFramesLow',
  drift: 'adviceDrift',
} as const satisfies Record<Finding, string>;

function Doctor({ health, findings, level }: { health: Health | undefined; findings: Finding[]; level: Level }) {
  if (level === 'unknown' || !health) return <p class="muted">{t('doctorNone')}</p>;
  const one = { maximumFractionDigits: 1 };
  return (
    <div class="stack">
      {findings.length === 0 && <p>{t('doctorFine')}</p>}
      {findings.length > 0 && (
        <ul class="advice">
          {findings.map((finding) => (
            <li key={finding}>{t(advice[finding])}</li>
          ))}
        </ul>
      )}
      <dl class="facts tabular">
        {health.bitrate !== undefined && (
          <Fact name={t('bitrate')} value={t('kilobits', { value: Math.round(health.bitrate / 1000) })} />
        )}
        {health.frame_rate !== undefined && <Fact name={t('frameRate')} value={number(health.frame_rate, one)} />}
        {health.key_interval !== undefined && (
          <Fact name={t('keyInterval')} value={t('seconds', { value: number(health.key_interval, one) })} />
        )}
        {health.drift_ms !== undefined && (
          <Fact name={t('drift')} value={t('milliseconds', { value: Math.round(health.drift_ms) })} />
        )}
        {health.b_frames !== undefined && <Fact name={t('bFrames')} value={health.b_frames ? t('yes') : t('no')} />}
      </dl>
    </div>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
