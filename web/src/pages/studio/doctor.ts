import type { Health } from '../../api/types';

// The doctor reads the encoder's figures and says what to change.

export type Level = 'ok' | 'warn' | 'bad' | 'unknown';
export type Finding = 'bFrames' | 'keyLong' | 'bitrateLow' | 'bitrateHigh' | 'framesLow' | 'drift';

export interface Diagnosis {
  level: Level;
  findings: Finding[];
}

/** Key frames further apart than this make new viewers wait. */
const keyIntervalMax = 4;
const bitrateMin = 400_000;
const bitrateMax = 12_000_000;
const frameRateMin = 15;
const driftMax = 300;

/** diagnose weighs the figures that are there; without any it knows nothing. */
export function diagnose(health: Health | undefined): Diagnosis {
  if (!health || Object.keys(health).length === 0) return { level: 'unknown', findings: [] };
  const { bitrate, frame_rate: rate, key_interval: key, drift_ms: drift } = health;
  const bad: Finding[] = [];
  const warn: Finding[] = [];
  if (health.b_frames) warn.push('bFrames');
  if (key !== undefined && key > keyIntervalMax) warn.push('keyLong');
  if (bitrate !== undefined && bitrate > 0 && bitrate < bitrateMin) bad.push('bitrateLow');
  if (bitrate !== undefined && bitrate > bitrateMax) warn.push('bitrateHigh');
  if (rate !== undefined && rate > 0 && rate < frameRateMin) bad.push('framesLow');
  if (drift !== undefined && Math.abs(drift) > driftMax) warn.push('drift');
  return { level: bad.length > 0 ? 'bad' : warn.length > 0 ? 'warn' : 'ok', findings: [...bad, ...warn] };
}
