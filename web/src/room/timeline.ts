import type { Deal, FeedEvent, MediaTime, Scene } from '../api/types';
import { Release, type Kept, type Lateness } from '../player/release';
import type { Archive, Past } from './past';
import { dealTurns, isOld, leavesAtOnce, placed, type Overlay } from './scene';

export interface TimelineOptions {
  /** What is shown now, and what is watched that is not now. */
  overlay: () => Overlay | undefined;
  past: () => Past | undefined;
  archive: Pick<Archive, 'history'>;
  /** deliver changes what is shown. */
  deliver: (event: FeedEvent) => void;
  onLate: (lateness: Lateness) => void;
}

/**
 * Timeline brings what the feed tells to the viewer's own frames: an event waits for its frame; what lies on frames of
 * the past is known from the show's record instead, and the rest is of now.
 */
export class Timeline {
  private readonly release: Release<FeedEvent>;

  constructor(private readonly options: TimelineOptions) {
    this.release = new Release<FeedEvent>({ deliver: options.deliver, onLate: options.onLate });
  }

  /** kept is how events kept to their frames. */
  get kept(): Kept {
    return this.release.kept;
  }

  /** take takes an event of the feed. */
  take(event: FeedEvent): void {
    const overlay = this.options.overlay();
    const past = this.options.past();
    if (!overlay || isOld(overlay, event)) return;
    if (past) this.takeInPast(event, past);
    else if (leavesAtOnce(event)) this.options.deliver(event);
    else this.release.hold(event, event.media_time);
    if (event.kind === 'deal.announced' && !past) this.awaitTurns((event.data as { deal: Deal }).deal);
  }

  /** begin takes what of a scene waits for its frame. */
  begin(scene: Scene, waiting: readonly Scene['pins'][number][], deals: readonly Deal[]): void {
    for (const pin of waiting) this.release.hold(placed(pin, scene), pin.from);
    for (const deal of deals) this.awaitTurns(deal);
  }

  /** frame tells of the frame that is being presented. */
  frame(at: MediaTime): void {
    const past = this.options.past();
    if (past) past.replay.frame(at);
    else this.release.advance(at);
  }

  /** flush delivers everything: there is no picture to wait for. */
  flush(): void {
    this.release.flush();
  }

  /** clear forgets what waits: a new scene says it all. */
  clear(): void {
    this.release.clear();
  }

  /** awaitTurns has a deal open and end on its frames, whether or not word of it comes in time. */
  private awaitTurns(deal: Deal): void {
    for (const at of dealTurns(deal)) {
      this.release.hold({ id: '', kind: 'deal.turn', v: 1, media_time: at, at: 0, data: {} }, at);
    }
  }

  private takeInPast(event: FeedEvent, past: Past): void {
    const { kind } = event;
    if (!past.onAir && /^(broadcast|pin|deal)\./.test(kind)) return;
    if (kind.startsWith('deal.') && kind !== 'deal.ended') return; // it belongs to the past when it is over
    if (kind !== 'deal.ended' && !kind.startsWith('pin.')) {
      this.options.deliver(event);
      return;
    }
    this.options.archive.history(past.onAir).then(
      (history) => past.replay.renew(history),
      () => undefined, // the next one brings it
    );
  }
}
