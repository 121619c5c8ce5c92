// The doctor's findings come from the server, which sees every second of the encoder; the page words them.

/** One thing to change at the encoder. */
export interface Advice {
  code: string;
  level: 'bad' | 'warn';
  value: string;
  /** Where OBS has it, in OBS's own words; empty where it is not a setting. */
  field: string;
  set: string;
}

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
  advice?: Advice[];
}

export type Level = 'ok' | 'warn' | 'bad' | 'unknown';

const words = {
  fault: 'adviceFault',
  no_sound: 'adviceNoSound',
  no_picture: 'adviceNoPicture',
  key_interval_long: 'adviceKeyLong',
  key_interval_short: 'adviceKeyShort',
  b_frames: 'adviceBFrames',
  profile: 'adviceProfile',
  codec: 'adviceCodec',
  frame_rate_low: 'adviceFramesLow',
  frame_rate_high: 'adviceFramesHigh',
  variable_frame_rate: 'adviceFramesUneven',
  bitrate_low: 'adviceBitrateLow',
  bitrate_high: 'adviceBitrateHigh',
  bitrate_uneven: 'adviceBitrateUneven',
  resolution_high: 'adviceResolutionHigh',
  audio_rate: 'adviceAudioRate',
  audio_channels: 'adviceAudioChannels',
  audio_profile: 'adviceAudioProfile',
  audio_bitrate_low: 'adviceAudioLow',
  drift: 'adviceDrift',
  clock_jumps: 'adviceClockJumps',
  skew: 'adviceSkew',
  packets_lost: 'adviceLost',
  stalls: 'adviceStalls',
} as const;

/** The message of a finding; a newer server's finding is at least called a fault. */
export function wordsOf(code: string): (typeof words)[keyof typeof words] {
  return code in words ? words[code as keyof typeof words] : 'adviceFault';
}

/** The worst finding decides. Without any figures nothing is known. */
export function levelOf(health: EncoderHealth | undefined): Level {
  if (!health || Object.keys(health).length === 0) return 'unknown';
  const advice = health.advice ?? [];
  if (advice.some((one) => one.level === 'bad')) return 'bad';
  return advice.length > 0 ? 'warn' : 'ok';
}
