import type { MediaTime } from '../api/types';
import type { Frame } from '../player';
import type { Lateness } from '../player/release';
import type { RoomView } from './view';

/** How often a viewer tells that they watch. */
export const heartbeatMilliseconds = 5000;

/** The most cards on their frame that a heartbeat tells of. */
const exactMax = 100;

export interface ReportsOptions {
  /** send takes a message up the feed, where that is open. */
  send: (message: Record<string, unknown>) => void;
  view: () => Pick<RoomView, 'player' | 'transport'>;
  frame: () => Frame | undefined;
  liveEdge: () => MediaTime | undefined;
  /** How many cards were shown on their very frame, so far. */
  exact: () => number;
}

/** Reports are what a viewer's visit tells the show: that somebody watches, what was looked at, how cards kept time. */
export class Reports {
  private readonly seen = new Set<string>();
  private exactTold = 0;

  constructor(private readonly options: ReportsOptions) {}

  /** mediaTime is what the viewer sees now. */
  get mediaTime(): MediaTime | undefined {
    const frame = this.options.frame();
    return frame && Math.max(0, frame.mediaTime);
  }

  /**
   * impression tells that a card really showed a product: once for each product of each pin, and once where a deal's card
   * shows it. It says whether this was the first time.
   */
  impression(product: string, pin?: string): boolean {
    const key = `${pin ?? ''} ${product}`;
    if (this.seen.has(key)) return false;
    this.seen.add(key);
    this.options.send({ kind: 'impression', pin, product, media_time: this.mediaTime });
    return true;
  }

  click(product: string, pin?: string, variant?: string): void {
    this.options.send({ kind: 'click', pin, product, variant, media_time: this.mediaTime });
  }

  late({ ms, frames }: Lateness): void {
    this.options.send({ kind: 'lateness', ms, frames });
  }

  heartbeat(): void {
    const { player, transport } = this.options.view();
    const edge = this.options.liveEdge();
    const last = this.options.frame();
    const frame = last && performance.now() - last.at < heartbeatMilliseconds ? last : undefined;
    const exact = this.options.exact();
    this.options.send({
      kind: 'heartbeat',
      transport,
      media_time: frame && Math.max(0, frame.mediaTime),
      lag_ms: frame && edge !== undefined ? Math.max(0, Math.round((edge - frame.mediaTime) / 1000)) : undefined,
      playing: player === 'playing',
      exact: Math.min(exact - this.exactTold, exactMax) || undefined,
    });
    this.exactTold = exact;
  }
}
