import type { MediaTime } from './mediatime';

/** Lateness of one event: how long after its frame it was shown. Zero frames means on its frame. */
export interface Lateness {
  ms: number;
  frames: number;
  /** arrived: it came after its frame was shown. frozen: its frame was never shown, the picture jumped over it. */
  cause: 'arrived' | 'frozen';
}

/** Kept counts events by whether they were shown on their frame, and how late the latest of the others was. */
export interface Kept {
  exact: number;
  late: number;
  worst: number;
}

export interface ReleaseOptions<E> {
  deliver: (event: E) => void;
  /** Called for each event that was not delivered on its frame. */
  onLate?: (lateness: Lateness) => void;
  /** The most that are held; beyond it the oldest is delivered at once. */
  heldMax?: number;
}

/** Until two frames have been seen, a frame is taken to last this long. */
const frameDurationFirst = 33_333;

/**
 * Release holds events until the viewer's own frame clock reaches them. An event belongs to the first frame whose time
 * is at or after its own, within half a frame; one that comes after its frame is delivered at once and counted.
 */
export class Release<E> {
  private held: { mediaTime: MediaTime; order: number; event: E }[] = [];
  private order = 0;
  private frame: MediaTime | undefined;
  private duration = frameDurationFirst;
  /** kept counts the events that belong to a frame. */
  readonly kept: Kept = { exact: 0, late: 0, worst: 0 };

  constructor(private readonly options: ReleaseOptions<E>) {}

  /** size is the number of events that wait. */
  get size(): number {
    return this.held.length;
  }

  /** hold takes an event; media time 0 belongs to no frame and is delivered at once. */
  hold(event: E, mediaTime: MediaTime): void {
    if (mediaTime <= 0) {
      this.options.deliver(event);
      return;
    }
    if (this.frame !== undefined && mediaTime <= this.frame + this.duration / 2) {
      this.late(mediaTime, this.frame, 'arrived');
      this.options.deliver(event);
      return;
    }
    this.held.push({ mediaTime, order: this.order++, event });
    this.held.sort((a, b) => a.mediaTime - b.mediaTime || a.order - b.order);
    if (this.held.length > (this.options.heldMax ?? 256)) this.options.deliver(this.held.shift()!.event);
  }

  /** advance tells of the frame that is being presented, and delivers what belongs to it or before it. */
  advance(frame: MediaTime): void {
    const before = this.frame;
    this.duration = frameDuration(before, frame, this.duration);
    this.frame = frame;
    while (this.held.length > 0 && this.held[0]!.mediaTime <= frame + this.duration / 2) {
      const { event, mediaTime } = this.held.shift()!;
      // Its frame lies within half a frame of it; further on, that one was never shown. Who has just come sees what
      // lay there before: that is neither.
      if (frame - mediaTime <= this.duration * 0.75) this.kept.exact++;
      else if (before !== undefined) this.late(mediaTime, frame, 'frozen');
      this.options.deliver(event);
    }
  }

  /** flush delivers everything: there is no picture to wait for. */
  flush(): void {
    for (const { event } of this.held.splice(0)) this.options.deliver(event);
  }

  /** clear forgets what is held: a new scene says it all. */
  clear(): void {
    this.held = [];
  }

  private late(mediaTime: MediaTime, frame: MediaTime, cause: Lateness['cause']): void {
    const behind = Math.max(0, frame - mediaTime);
    const frames = Math.round(behind / this.duration);
    if (cause === 'arrived' && frames === 0) {
      this.kept.exact++; // it still is the frame on the screen
      return;
    }
    this.kept.late++;
    this.kept.worst = Math.max(this.kept.worst, behind / 1000);
    this.options.onLate?.({ ms: Math.round(behind / 1000), frames, cause });
  }
}

/** frameDuration follows the cadence: the shortest step seen, forgotten slowly, so that skipped frames do not count. */
export function frameDuration(before: MediaTime | undefined, frame: MediaTime, current: number): number {
  if (before === undefined) return current;
  const step = frame - before;
  if (step < 5_000 || step > 250_000) return current;
  return step < current ? step : Math.min(step, current * 1.02);
}
