import type { Deal, MediaTime, Pin } from '../api/types';

/** CardSpan is a pin, or a deal, of a show that is over: it lay on the frames from `from` up to `until`. */
export interface CardSpan {
  id: string;
  from: MediaTime;
  until?: MediaTime;
}

/** Lain is what lay on one frame. */
export interface Lain {
  pins: Pin[];
  deals: Deal[];
}

/** History is all that lay on any. */
export interface History {
  pins: readonly CardSpan[];
  deals: readonly CardSpan[];
}

export interface ReplayOptions {
  history: History;
  /** load brings the cards that lay on a frame, with the prices and the stock of now. */
  load: (at: MediaTime) => Promise<Lain>;
  show: (lain: Lain) => void;
}

/** Dates in playlists are cut to milliseconds, so a frame may seem to lie just before its own time: half of one at 60 a second. */
const toleranceMicroseconds = 8_000;
/** Cards are fetched so long before their frame. */
const aheadMicroseconds = 20_000_000;
/** After a card could not be fetched, the next try comes with the first frame after this. */
const retryMilliseconds = 2000;

/**
 * Replay lays the pins and the deals of a show that is over on their frames. Which frames those are is known from the
 * beginning, so a seek shows at once what lay there; the cards themselves are fetched ahead of the frame that is being
 * presented.
 */
export class Replay {
  private readonly pins = new Map<string, Pin>();
  private readonly deals = new Map<string, Deal>();
  private readonly loading = new Set<string>();
  private shown: string | undefined;
  private current = '';
  private failedAt = -Infinity;
  private spans: readonly CardSpan[] = [];

  constructor(
    private readonly options: ReplayOptions,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.renew(options.history);
  }

  /** renew takes the history anew: a show that is on air has more of it. */
  renew({ pins, deals }: History): void {
    this.spans = [...pins, ...deals];
  }

  /** frame tells of the frame that is being presented. */
  frame(at: MediaTime): void {
    const time = at + toleranceMicroseconds;
    const spans = this.on(time);
    this.current = key(spans);
    if (this.current !== this.shown) this.reveal(spans);
    if (this.current !== this.shown) this.fetch(spans, time);
    const next = this.nextChange(time);
    if (next !== undefined && next - time < aheadMicroseconds) this.fetch(this.on(next), next);
  }

  /** forget has every card fetched again: prices and stock have changed, or a quote ran out. */
  forget(): void {
    this.pins.clear();
    this.deals.clear();
    this.shown = undefined;
  }

  private on(time: MediaTime): CardSpan[] {
    return this.spans.filter((span) => span.from <= time && (span.until === undefined || time < span.until));
  }

  private nextChange(time: MediaTime): MediaTime | undefined {
    const later = this.spans.map((span) => span.from).filter((from) => from > time);
    return later.length > 0 ? Math.min(...later) : undefined;
  }

  private has = ({ id }: CardSpan): boolean => this.pins.has(id) || this.deals.has(id);

  private reveal(spans: readonly CardSpan[]): void {
    if (!spans.every(this.has)) return;
    this.shown = key(spans);
    const of = <T>(cards: Map<string, T>) => spans.flatMap((span) => cards.get(span.id) ?? []);
    this.options.show({ pins: of(this.pins), deals: of(this.deals) });
  }

  private fetch(spans: readonly CardSpan[], at: MediaTime): void {
    const name = key(spans);
    if (spans.every(this.has) || this.loading.has(name)) return;
    if (this.now() - this.failedAt < retryMilliseconds) return;
    this.loading.add(name);
    this.options.load(at).then(
      ({ pins, deals }) => {
        this.loading.delete(name);
        for (const pin of pins) this.pins.set(pin.id, pin);
        for (const deal of deals) this.deals.set(deal.id, deal);
        // A product that is gone has no card any more: its pin shows nothing.
        const gone = spans.filter((span) => !this.has(span));
        this.spans = this.spans.filter((span) => !gone.includes(span));
        if (this.current !== this.shown) this.frameAgain();
      },
      () => {
        this.loading.delete(name);
        this.failedAt = this.now();
      },
    );
  }

  /** frameAgain shows what has come for the frame that is still on the screen. */
  private frameAgain(): void {
    const ids = new Set(this.current.split(' '));
    const spans = this.spans.filter((span) => ids.has(span.id));
    this.current = key(spans);
    if (this.current !== this.shown) this.reveal(spans);
  }
}

function key(spans: readonly CardSpan[]): string {
  return spans.map((span) => span.id).join(' ');
}
