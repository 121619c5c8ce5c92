import type { MediaTime } from '../api/types';

/** Edge is the scene's live edge, carried on by our own clock: nobody's wall clock is trusted. */
export class Edge {
  private known: { mediaTime: MediaTime; at: number } | undefined;

  /** tell takes what an answer said; it was true somewhere on the way there and back. */
  tell(mediaTime: MediaTime, asked: number): void {
    this.known = { mediaTime, at: (asked + performance.now()) / 2 };
  }

  /** toldAt is when it was told last. */
  get toldAt(): number | undefined {
    return this.known?.at;
  }

  get now(): MediaTime | undefined {
    return this.known && this.known.mediaTime + (performance.now() - this.known.at) * 1000;
  }
}
