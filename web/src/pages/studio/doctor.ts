// The doctor reads the encoder's figures and says what to change.

/** What the server knows of the encoder, as of the last second. */
export interface EncoderHealth {
  protocol?: string;
  encoder?: string;
  video_codec?: string;
  audio_codec?: string;
  profile?: string;
  width?: number;
  height?: number;
  audio_rate?: number;
  video_bitrate?: number;
  audio_bitrate?: number;
  frame_rate?: number;
  variable_rate?: boolean;
  key_interval_ms?: number;
  b_frames?: boolean;
  drift_ms?: number;
  skew_ms?: number;
  lost?: number;
  fault?: string;
}

export type Level = 'ok' | 'warn' | 'bad' | 'unknown';
export type Finding =
  'fault' | 'bitrateLow' | 'framesLow' | 'noSound' | 'bFrames' | 'keyLong' | 'bitrateHigh' | 'drift' | 'skew';

export interface Diagnosis {
  level: Level;
  findings: Finding[];
}

/** Key frames further apart than this make new viewers wait. */
const keyIntervalMax = 4000;
/** A picture in which little moves needs few bits; below this even that is not whole. */
const bitrateMin = 150_000;
const bitrateMax = 12_000_000;
const frameRateMin = 15;
const driftMax = 300;
/** People notice lips that are further off than this. */
const skewMax = 120;

/** How many readings in a row must find the same before it is said: one second's figure may be an accident. */
const readingsMin = 3;

/** examine finds what is wrong in one reading; the worst comes first. Figures that are not there yet are no finding. */
export function examine(health: EncoderHealth): Finding[] {
  const bitrate = health.video_bitrate ?? 0;
  const rate = health.frame_rate ?? 0;
  const found: Finding[] = [];
  if (health.fault) found.push('fault');
  if (bitrate > 0 && bitrate < bitrateMin) found.push('bitrateLow');
  if (rate > 0 && rate < frameRateMin) found.push('framesLow');
  if (health.audio_codec === '') found.push('noSound');
  if (health.b_frames) found.push('bFrames');
  if ((health.key_interval_ms ?? 0) > keyIntervalMax) found.push('keyLong');
  if (bitrate > bitrateMax) found.push('bitrateHigh');
  if (Math.abs(health.drift_ms ?? 0) > driftMax) found.push('drift');
  if (Math.abs(health.skew_ms ?? 0) > skewMax) found.push('skew');
  return found;
}

const grave: readonly Finding[] = ['fault', 'bitrateLow', 'framesLow'];

/** diagnose weighs the newest readings, oldest first. Without any figures it knows nothing. */
export function diagnose(readings: readonly EncoderHealth[]): Diagnosis {
  const newest = readings.at(-1);
  if (!newest || Object.keys(newest).length === 0) return { level: 'unknown', findings: [] };
  const recent = readings.slice(-readingsMin).map(examine);
  const lasting = examine(newest).filter(
    (finding) => recent.length === readingsMin && recent.every((found) => found.includes(finding)),
  );
  const level = lasting.some((one) => grave.includes(one)) ? 'bad' : lasting.length > 0 ? 'warn' : 'ok';
  return { level, findings: lasting };
}

/** kept adds a reading and leaves no more than are weighed. */
export function kept(readings: readonly EncoderHealth[], next: EncoderHealth | undefined): EncoderHealth[] {
  return next ? [...readings.slice(1 - readingsMin), next] : [];
}
