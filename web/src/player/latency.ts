// hls.js neither holds nor regains its latency at low latency (it speeds up only with more than a second of buffer), so
// the player steers itself: a little faster while it is behind, a seek when it is far behind.

export interface LatencyInput {
  /** Seconds behind the end of the playlist. */
  latency: number;
  /** Seconds that it should be: the playlist's PART-HOLD-BACK, or HOLD-BACK without parts. */
  target: number;
  /** Seconds of media that lie ready ahead. */
  ahead: number;
  /** The rate at which it plays now. */
  rate: number;
}

export interface LatencyStep {
  rate: number;
  /** Seconds to jump forward; 0: none. */
  jump: number;
}

/** Behind by more than this, a jump is less of a nuisance than minutes of fast speech. */
const jumpBeyond = 3;
/** Speeding up ends here and starts again only further out, so that it does not flutter. */
const closeEnough = 0.08;
const startBeyond = 0.25;
/** With less than this ahead, going faster would only lead to a stall. */
const aheadMin = 0.25;

export function steer({ latency, target, ahead, rate }: LatencyInput): LatencyStep {
  const behind = latency - target;
  if (!Number.isFinite(behind)) return { rate: 1, jump: 0 };
  if (behind > jumpBeyond) return { rate: 1, jump: behind };
  const speeding = rate > 1;
  if (ahead < aheadMin || behind < (speeding ? closeEnough : startBeyond)) return { rate: 1, jump: 0 };
  return { rate: Math.round(Math.min(1.1, Math.max(1.03, 1 + behind * 0.15)) * 100) / 100, jump: 0 };
}

/** What the guard says to do when playback hangs though the playlist goes on. */
export type Rescue = 'none' | 'reload' | 'seek' | 'rebuild';

/** Playback that stands still for this long while the playlist goes on is hung (hls.js may for 22 s). */
const hungAfterMilliseconds = 700;
const betweenRescuesMilliseconds = 1500;

/**
 * HangGuard watches a playback: if its time stands still while the playlist advances, loading is started again, then the
 * live edge is sought, then the player is built anew.
 */
export class HangGuard {
  private time = -1;
  private movedAt = 0;
  private advancedAt = -Infinity;
  private rescuedAt = -Infinity;
  private rescues = 0;

  /** playlistAdvanced is called when an update brought new parts. */
  playlistAdvanced(now: number): void {
    this.advancedAt = now;
  }

  /** check is called a few times a second with the playback time; idle while paused, seeking or hidden. */
  check(now: number, time: number, idle: boolean): Rescue {
    if (idle || time !== this.time) {
      if (time !== this.time && !idle && now - this.rescuedAt > 5000) this.rescues = 0;
      this.time = time;
      this.movedAt = now;
      return 'none';
    }
    const still = now - this.movedAt;
    const advancing = this.advancedAt > this.movedAt && now - this.advancedAt < 3000;
    if (still < hungAfterMilliseconds || !advancing || now - this.rescuedAt < betweenRescuesMilliseconds) return 'none';
    this.rescuedAt = now;
    this.rescues++;
    if (this.rescues === 1) return 'reload';
    return this.rescues === 2 ? 'seek' : 'rebuild';
  }
}
