// From what a browser says about a frame to the media time of that frame: microseconds since the broadcast's first.

/** MediaTime is microseconds. Numbers hold it exactly for 285 years. */
export type MediaTime = number;

/** RtpBase is one line of the WHEP answer: which media time an RTP timestamp stands for. */
export interface RtpBase {
  rtp: number;
  mediaTime: MediaTime;
}

/** Anchor says at which wall time a generation's media time was. */
export interface WallAnchor {
  generation: number;
  mediaTime: MediaTime;
  /** Unix milliseconds, with a fraction. */
  wall: number;
}

const rtpCycle = 2 ** 32;

/**
 * parseMediaTimes reads `a=x-media-time:<rtp timestamp> <media time µs>` of each m-line, by the kind of the line.
 */
export function parseMediaTimes(sdp: string): { audio?: RtpBase; video?: RtpBase } {
  const out: { audio?: RtpBase; video?: RtpBase } = {};
  let kind = '';
  for (const line of sdp.split(/\r?\n/)) {
    const media = /^m=(\w+) /.exec(line);
    if (media) kind = media[1]!;
    const base = /^a=x-media-time:(\d+) (-?\d+)\s*$/.exec(line);
    if (base && (kind === 'audio' || kind === 'video')) {
      out[kind] = { rtp: Number(base[1]) % rtpCycle, mediaTime: Number(base[2]) };
    }
  }
  return out;
}

/**
 * RtpClock turns RTP timestamps into media time. The 32 bits come round every 13.3 hours at 90 kHz, so the turn is
 * chosen that lies nearest to what is expected: the last frame plus the time since, or the live edge for the first.
 */
export class RtpClock {
  private last: { mediaTime: MediaTime; at: number } | undefined;

  constructor(
    private readonly base: RtpBase,
    private readonly clockRate = 90_000,
  ) {}

  /** at is a monotonic time in milliseconds; edge the media time at the live edge, where it is known. */
  mediaTime(rtp: number, at: number, edge?: MediaTime): MediaTime {
    const microsPerTick = 1e6 / this.clockRate;
    const expected = this.last ? this.last.mediaTime + (at - this.last.at) * 1000 : (edge ?? this.base.mediaTime);
    const ticks = unwrap(rtp - this.base.rtp, (expected - this.base.mediaTime) / microsPerTick, rtpCycle);
    const mediaTime = this.base.mediaTime + Math.round(ticks * microsPerTick);
    this.last = { mediaTime, at };
    return mediaTime;
  }
}

/** unwrap adds whole cycles to value until it lies nearest to expected. */
export function unwrap(value: number, expected: number, cycle: number): number {
  return value + Math.round((expected - value) / cycle) * cycle;
}

/**
 * dateToMediaTime finds the anchor of the generation that a date (Unix milliseconds) lies in and counts from it. Dates
 * in playlists are cut to milliseconds, so a date may seem to lie up to one before its anchor.
 */
export function dateToMediaTime(date: number, anchors: readonly WallAnchor[]): MediaTime | undefined {
  let best: WallAnchor | undefined;
  for (const anchor of anchors) {
    if (anchor.wall <= date + 1 && (!best || anchor.wall > best.wall)) best = anchor;
  }
  best ??= anchors.reduce<WallAnchor | undefined>((a, b) => (!a || b.wall < a.wall ? b : a), undefined);
  return best && best.mediaTime + Math.round((date - best.wall) * 1000);
}

/** parseWall reads RFC 3339 to the microsecond, which Date.parse cuts off, as Unix milliseconds. */
export function parseWall(text: string): number {
  const match = /^(.*T\d\d:\d\d:\d\d)(\.\d+)?(.*)$/.exec(text);
  if (!match) return NaN;
  const fraction = match[2] ? Number(`0${match[2]}`) * 1000 : 0;
  return Date.parse(`${match[1]}${match[3]}`) + Math.round(fraction * 1000) / 1000;
}

/** Fragment is what the frame clock needs of one segment of a playlist, as hls.js holds it. */
export interface Fragment {
  /** Seconds in the player's timeline. */
  start: number;
  /** Unix milliseconds. */
  programDateTime: number | null;
}

/**
 * fragmentDate is the date of a frame at mediaTime seconds of the player's timeline: that of the last fragment that
 * begins at or before it, the one still being made (fragmentHint) included, plus the way into it.
 */
export function fragmentDate(
  seconds: number,
  fragments: readonly Fragment[],
  hint: Fragment | null | undefined,
): number | undefined {
  // A frame's time and a fragment's start are computed apart; a hundred microseconds is rounding.
  const reached = seconds + 1e-4;
  let found: Fragment | undefined;
  if (hint && hint.programDateTime !== null && hint.start <= reached) found = hint;
  for (let i = fragments.length - 1; !found && i >= 0; i--) {
    const fragment = fragments[i]!;
    if (fragment.start <= reached && fragment.programDateTime !== null) found = fragment;
  }
  return found && found.programDateTime! + (seconds - found.start) * 1000;
}

/**
 * mediaTimeToSeconds is where in the player's timeline the frame of a media time lies, or the next one after a hole. A
 * time before the first fragment is its start; undefined: the fragments have no dates.
 */
export function mediaTimeToSeconds(
  target: MediaTime,
  fragments: readonly Fragment[],
  anchors: readonly WallAnchor[],
): number | undefined {
  let found: number | undefined;
  for (const { start, programDateTime } of fragments) {
    const began = programDateTime === null ? undefined : dateToMediaTime(programDateTime, anchors);
    if (began === undefined) continue;
    if (found !== undefined && began > target) return Math.min(found, start);
    found = start + Math.max(0, target - began) / 1e6;
  }
  return found;
}
