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
const bitrateMin = 400_000;
const bitrateMax = 12_000_000;
const frameRateMin = 15;
const driftMax = 300;
/** People notice lips that are further off than this. */
const skewMax = 120;

/** diagnose weighs the figures that are there; without any it knows nothing. */
export function diagnose(health: EncoderHealth | undefined): Diagnosis {
  if (!health || Object.keys(health).length === 0) return { level: 'unknown', findings: [] };
  const bitrate = health.video_bitrate ?? 0;
  const rate = health.frame_rate ?? 0;
  const bad: Finding[] = [];
  const warn: Finding[] = [];
  if (health.fault) bad.push('fault');
  if (bitrate > 0 && bitrate < bitrateMin) bad.push('bitrateLow');
  if (rate > 0 && rate < frameRateMin) bad.push('framesLow');
  if (health.audio_codec === '') warn.push('noSound');
  if (health.b_frames) warn.push('bFrames');
  if ((health.key_interval_ms ?? 0) > keyIntervalMax) warn.push('keyLong');
  if (bitrate > bitrateMax) warn.push('bitrateHigh');
  if (Math.abs(health.drift_ms ?? 0) > driftMax) warn.push('drift');
  if (Math.abs(health.skew_ms ?? 0) > skewMax) warn.push('skew');
  return { level: bad.length > 0 ? 'bad' : warn.length > 0 ? 'warn' : 'ok', findings: [...bad, ...warn] };
}
