import { useState } from 'preact/hooks';
import type { Sales } from '../../api/types';
import { money, number } from '../../i18n/format';
import { amountOf } from '../../manage/data';
import { Sheet } from '../../ui/Sheet';
import { levelOf, wordsOf, type EncoderHealth, type Level } from './doctor';
import { t } from './messages';
import { isOn } from './room';
import type { RoomData } from './useRoom';

/** Strip is the row of figures under the picture. Figures change in place, nothing jumps. */
export function Strip({ data, latency }: { data: RoomData; latency: number | undefined }) {
  const { sales, room, broadcast } = data;
  const [doctor, setDoctor] = useState(false);
  const encoder = isOn(room) ? (broadcast?.health as EncoderHealth | undefined) : undefined;
  const level = levelOf(encoder);
  return (
    <>
      <dl class="strip">
        <Figure name={t('viewersTile')} value={number(room?.viewers ?? 0)} />
        {sales && <SalesFigures sales={sales} />}
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
            <button type="button" class="health" data-level={level} onClick={() => setDoctor(true)}>
              <span class="health-dot" aria-hidden="true" />
              {levelName(level)}
            </button>
          </dd>
        </div>
      </dl>
      <Sheet title={t('doctor')} open={doctor} onClose={() => setDoctor(false)}>
        <Doctor health={encoder} level={level} />
      </Sheet>
    </>
  );
}

/** SalesFigures are the two that a creator looks at. */
export function SalesFigures({ sales }: { sales: Sales }) {
  return (
    <>
      <Figure name={t('ordersTile')} value={number(sales.orders)} />
      <Figure name={t('gmvTile')} value={money({ amount: amountOf(sales.gmv), currency: sales.currency })} />
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

interface DoctorProps {
  health: EncoderHealth | undefined;
  level: Level;
}

function Doctor({ health, level }: DoctorProps) {
  if (level === 'unknown' || !health) return <p class="muted">{t('doctorNone')}</p>;
  const advice = health.advice ?? [];
  return (
    <div class="stack">
      {advice.length === 0 && <p>{t('doctorFine')}</p>}
      {advice.length > 0 && (
        <ul class="advice">
          {advice.map((one) => (
            <li key={one.code}>
              {t(wordsOf(one.code))}
              <small dir="auto">{t('adviceMeasured', { value: one.value })}</small>
              {one.field !== '' && <small dir="auto">{t('adviceSetTo', { field: one.field, set: one.set })}</small>}
            </li>
          ))}
        </ul>
      )}
      <dl class="facts tabular">
        {factsOf(health).map(([name, value]) => (
          <Fact key={name} name={name} value={value} />
        ))}
      </dl>
    </div>
  );
}

/** The figures that the encoder has; a zero is a figure that is not there yet. */
function factsOf(health: EncoderHealth): [string, string][] {
  const facts: [string, string][] = [];
  const one = { maximumFractionDigits: 1 };
  const kilobits = (bits: number) => t('kilobits', { value: Math.round(bits / 1000) });
  const { width, height } = health;
  if (health.encoder) facts.push([t('encoder'), health.encoder]);
  if (width && height) facts.push([t('resolution'), `${number(width)} × ${number(height)}`]);
  if (health.video_bitrate) facts.push([t('bitrate'), kilobits(health.video_bitrate)]);
  if (health.frame_rate) facts.push([t('frameRate'), number(health.frame_rate, one)]);
  if (health.key_interval_ms) {
    facts.push([t('keyInterval'), t('seconds', { value: number(health.key_interval_ms / 1000, one) })]);
  }
  if (health.b_frames !== undefined) facts.push([t('bFrames'), health.b_frames ? t('yes') : t('no')]);
  if (health.audio_bitrate) facts.push([t('sound'), kilobits(health.audio_bitrate)]);
  if (health.drift_ms !== undefined)
    facts.push([t('drift'), t('milliseconds', { value: Math.round(health.drift_ms) })]);
  if (health.skew_ms !== undefined) facts.push([t('skew'), t('milliseconds', { value: Math.round(health.skew_ms) })]);
  if (health.lost) facts.push([t('lost'), number(health.lost)]);
  return facts;
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
