import type { Broadcast, Deal, MediaTime, Scene, Transport } from '../api/types';
import type { Span } from '../player/session';
import type { Edge } from './edge';
import { within, type Place } from './place';
import { Replay, type CardSpan, type History, type ReplayOptions } from './replay';
import type { Progress } from './view';

/**
 * Past is what a viewer watches that is not now: the recording of a show that is over, or what a show on air still has
 * of its past. Its pins lie on their own frames.
 */
export interface Past {
  /** Address of its playlist. */
  url: string;
  replay: Replay;
  /** The show is still on air. */
  onAir: boolean;
}

/** progressOf is where a recording plays, or within the span of what was wound back. */
export function progressOf(video: HTMLVideoElement, span: Span | undefined): Progress {
  const { currentTime, duration, paused } = video;
  if (span) return { from: span.from / 1e6, time: span.at / 1e6, length: span.to / 1e6, paused };
  return { from: 0, time: currentTime, length: Number.isFinite(duration) ? duration : 0, paused };
}

/** over is a deal as the past shows it: it was of its moment, nobody can have it now. */
function over(deal: Deal): Deal {
  return { ...deal, state: 'ended', variants: deal.variants.map(({ quote: _, ...offer }) => offer) };
}

/** Archive asks the server for what there is of a broadcast's past. Where it is not for everybody, with a grant. */
export class Archive {
  constructor(
    private readonly place: Place,
    private readonly path: string,
    private readonly grant: () => Promise<string | undefined>,
    private readonly signal: AbortSignal,
    private readonly edge: Pick<Edge, 'now'> = { now: undefined },
  ) {}

  /** transport is how the broadcast is watched over HLS, where it is: live, or its recording. */
  async transport(): Promise<Transport | undefined> {
    const { transports } = await this.get<Pick<Broadcast, 'transports'>>(this.path);
    return within(this.place, transports).find((one) => one.kind === 'hls');
  }

  /** open makes the past that an address leads to; what lies on its frames is shown by show. */
  async open(url: string, onAir: boolean, show: ReplayOptions['show']): Promise<Past> {
    const load = async (at: MediaTime) => {
      const { pins, deals } = await this.get<Scene>(`${this.path}/scene`, { at: String(Math.max(0, Math.round(at))) });
      return { pins, deals: deals.map(over) };
    };
    return { url, onAir, replay: new Replay({ history: await this.history(onAir), load, show }) };
  }

  /** history is what lay on the frames of the whole show up to now. A deal that is not over yet is not of the past. */
  async history(onAir: boolean): Promise<History> {
    const { items, deals } = await this.get<{ items: CardSpan[]; deals: CardSpan[] }>(`${this.path}/pins`);
    const now = onAir ? this.edge.now : undefined;
    return { pins: items, deals: deals.filter(({ until = 0 }) => now === undefined || until <= now) };
  }

  private async get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const grant = await this.grant();
    return this.place.client.get<T>(path, { ...query, grant }, this.signal);
  }
}

/** Who came before there was something to wind back asks once, after so long and up to half as long again. */
const askMilliseconds = 20_000;

/** WayBack is where a show on air can be wound back, as the server names it. */
export class WayBack {
  url: string | undefined;
  private askAt: number | undefined;

  constructor(
    private readonly archive: Pick<Archive, 'transport'>,
    private readonly onFound: () => void,
    private readonly random: () => number = Math.random,
  ) {}

  /** take finds it among ways to watch. */
  take(transports: readonly Transport[]): void {
    this.url ??= transports.find((one) => one.kind === 'hls')?.rewind;
    if (this.url) this.onFound();
  }

  /** ask is called while there is a picture of now; it asks the server once, a while after the first time. */
  ask(now: number): void {
    if (this.url) return;
    this.askAt ??= now + askMilliseconds * (1 + this.random() / 2);
    if (now < this.askAt) return;
    this.askAt = Infinity;
    this.archive.transport().then(
      (found) => found && this.take([found]),
      () => undefined, // then there is none
    );
  }
}
