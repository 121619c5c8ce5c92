import { bufferedAhead } from './hlsnative';

/** With so much ahead of it a player that waited for data has no reason to wait on. */
const enoughSeconds = 0.35;
/** So long it may take to begin again by itself. */
const patienceMilliseconds = 150;
const lookMilliseconds = 50;

/**
 * Resume has a live picture go on as soon as there is one again. Each time that Chromium runs out of data it doubles the
 * sound that it wants before it goes on, from 0.2 up to 3 seconds (AudioRendererAlgorithm), and forgets that only when it
 * seeks: so it is sought to where it stands.
 */
export class Resume {
  private timer: ReturnType<typeof setInterval> | undefined;
  private since: number | undefined;

  constructor(private readonly video: HTMLVideoElement) {}

  /** stalled: the element says that it waits for data. */
  stalled(): void {
    this.since = undefined;
    this.timer ??= setInterval(() => this.look(performance.now()), lookMilliseconds);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private look(now: number): void {
    const { video } = this;
    if (video.paused || video.ended || video.readyState >= video.HAVE_FUTURE_DATA) {
      this.stop();
      return;
    }
    if (video.seeking || bufferedAhead(video) < enoughSeconds) {
      this.since = undefined;
      return;
    }
    this.since ??= now;
    if (now - this.since < patienceMilliseconds) return;
    this.stop();
    video.currentTime = video.currentTime;
  }
}
