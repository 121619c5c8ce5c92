import type { MediaTime, Pin } from '../api/types';

/** PinSpan is a pin of a show that is over: it lay on the frames from `from` up to `until`. */
export interface PinSpan {
  id: string;
  from: MediaTime;
  until?: MediaTime;
}

export interface ReplayOptions {
  pins: readonly PinSpan[];
  /** load brings the cards that lay on a frame, with the prices and the stock of now. */
  load: (at: MediaTime) => Promise<Pin[]>;
  show: (pins: Pin[]) => void;
}

/** Dates in playlists are cut to milliseconds, so a frame may seem to lie just before its own time: half of one at 60 a second. */
const toleranceMicroseconds = 8_000;
/** Cards are fetched so long before their frame. */
const aheadMicroseconds = 20_000_000;
/** After a card could not be fetched, the next try comes with the first frame after this. */
const retryMilliseconds = 2000;

/**
 * Replay lays the pins of a show that is over on their frames. Which frames those are is known from the beginning, so a
 * seek shows at once what lay there; the cards themselves are fetched ahead of the frame that is being presented.
 */
export class Replay {
  private readonly cards = new Map<string, Pin>();
  private readonly loading = new Set<string>();
  private shown: string | undefined;
  private current = '';
  private failedAt = -Infinity;
  private pins: readonly PinSpan[];

  constructor(
    private readonly options: ReplayOptions,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.pins = options.pins;
  }

  /** renew takes the pins anew: a show that is on air has further ones. */
  renew(pins: readonly PinSpan[]): void {
    this.pins = pins;
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
    this.cards.clear();
    this.shown = undefined;
  }

  private on(time: MediaTime): PinSpan[] {
    return this.pins.filter((pin) => pin.from <= time && (pin.until === undefined || time < pin.until));
  }

  private nextChange(time: MediaTime): MediaTime | undefined {
    const later = this.pins.map((pin) => pin.from).filter((from) => from > time);
    return later.length > 0 ? Math.min(...later) : undefined;
  }

  private reveal(spans: readonly PinSpan[]): void {
    const cards = spans.map((span) => this.cards.get(span.id));
    if (cards.some((card) => card === undefined)) return;
    this.shown = key(spans);
    this.options.show(cards as Pin[]);
  }

  private fetch(spans: readonly PinSpan[], at: MediaTime): void {
    const name = key(spans);
    if (spans.every((span) => this.cards.has(span.id)) || this.loading.has(name)) return;
    if (this.now() - this.failedAt < retryMilliseconds) return;
    this.loading.add(name);
    this.options.load(at).then(
      (pins) => {
        this.loading.delete(name);
        for (const pin of pins) this.cards.set(pin.id, pin);
        // A product that is gone has no card any more: its pin shows nothing.
        const gone = spans.filter((span) => !this.cards.has(span.id));
        this.pins = this.pins.filter((pin) => !gone.includes(pin));
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
    const spans = this.pins.filter((pin) => ids.has(pin.id));
    this.current = key(spans);
    if (this.current !== this.shown) this.reveal(spans);
  }
}

function key(spans: readonly PinSpan[]): string {
  return spans.map((span) => span.id).join(' ');
}
