import { createStore } from '../app/value';
import type { Pin } from '../api/types';
import { Player, type Figures, type PlayerState } from '../player';
import { onCaptions, showCaptions } from '../player/captions';
import type { RoomView } from '../room/room';
import type { MediaTime } from '../player/mediatime';

/** video.json of an exported video, as far as the player reads it. Media times are microseconds from its beginning. */
interface Exported {
  hawker_video: number;
  id: string;
  title: string;
  url: string;
  duration: number;
  from?: number;
  hls?: string;
  pins: {
    product: string;
    title: string;
    price: number;
    currency: string;
    picture?: string;
    url: string;
    from: number;
    until: number;
  }[];
}

/** A frame may seem to lie just before its own time: playlists cut dates to milliseconds. */
const toleranceMicroseconds = 8_000;

/**
 * Package plays an exported video from wherever its files are: pictures, captions and pins come from the folder that
 * video.json lies in, and nothing is asked of any other server. It stands where a room of ours would.
 */
export class Package {
  readonly view = createStore<RoomView>({
    phase: 'loading',
    player: 'connecting',
    muted: true,
    qualities: [],
    feed: 'offline',
    replay: true,
  });
  readonly session = undefined;
  id = '';
  private video: HTMLVideoElement | undefined;
  private player: Player | undefined;
  private pins: (Pin & { url: string })[] = [];
  private readonly seen = new Set<string>();
  private shown = '';
  private at: MediaTime | undefined;
  private zero = 0;
  private forget: (() => void) | undefined;
  private readonly abort = new AbortController();

  constructor(private readonly address: string) {}

  start(): void {
    void this.load();
  }

  attach(video: HTMLVideoElement): void {
    this.video = video;
  }

  stop(): void {
    this.abort.abort();
    this.forget?.();
    this.player?.stop();
  }

  unmute(): void {
    this.player?.unmute();
    void this.video?.play().catch(() => undefined);
  }

  mute(): void {
    this.player?.mute();
  }

  choose(quality: string | undefined): void {
    this.player?.choose(quality);
  }

  get mediaTime(): MediaTime | undefined {
    return this.at;
  }

  async figures(): Promise<(Figures & { cards: { exact: number; late: number; worst: number } }) | undefined> {
    const figures = await this.player?.figures();
    return figures && { ...figures, cards: { exact: 0, late: 0, worst: 0 } };
  }

  /** impression tells whether it is the first of its card: there is nobody to tell but the page. */
  impression(product: string, pin?: string): boolean {
    const key = `${pin} ${product}`;
    return !this.seen.has(key) && Boolean(this.seen.add(key));
  }

  click(): void {
    // The same.
  }

  /** pageOf is where a pin's product is sold. */
  pageOf(pin: string): string | undefined {
    return this.pins.find((one) => one.id === pin)?.url;
  }

  private async load(): Promise<void> {
    try {
      const response = await fetch(this.address, { signal: this.abort.signal });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const about = (await response.json()) as Exported;
      if (!this.abort.signal.aborted) this.begin(about);
    } catch {
      if (!this.abort.signal.aborted) this.update({ phase: 'missing' });
    }
  }

  private begin(about: Exported): void {
    const at = (path: string) => new URL(path, this.address).href;
    this.id = about.id;
    this.zero = about.from ?? 0;
    this.pins = about.pins.map((one, n) => {
      const price = { amount: one.price, currency: one.currency };
      return {
        id: `${one.product}-${n}`,
        product: { id: one.product, title: one.title, picture: one.picture && at(one.picture), kind: 'physical' },
        variants: [{ id: '', title: '', price, available: 1 }],
        from: one.from,
        until: one.until,
        url: one.url,
      };
    });
    this.update({
      phase: 'ready',
      overlay: { state: 'ended', pins: [], bag: [], deals: [], viewers: 0, anchors: [], version: 0 },
    });
    const { video } = this;
    if (!video) return;
    this.player = new Player({
      video,
      transports: [{ kind: 'hls', url: at(about.hls ?? 'hls/index.m3u8') }],
      replay: true,
      onState: (player: PlayerState) => this.update({ player }),
      onTransport: (transport) => this.update({ transport }),
      onMuted: (muted) => this.update({ muted }),
      onQualities: (qualities, quality) => this.update({ qualities, quality }),
      onFrame: (frame) => this.frame(frame.mediaTime),
    });
    let chosen = false;
    this.forget = onCaptions(video, (shown) => {
      if (shown !== false || chosen) return;
      chosen = true; // as the page's language wants it; the viewer may switch it off
      showCaptions(video, true);
    });
    this.player.start();
  }

  /** frame lays on the picture what lies on its frame, in the very call that presents it. */
  private frame(at: MediaTime): void {
    this.at = at;
    const time = at - this.zero + toleranceMicroseconds;
    const on = this.pins.filter((pin) => pin.from <= time && (pin.until === undefined || time < pin.until));
    const key = on.map((pin) => pin.id).join(' ');
    if (key === this.shown) return;
    this.shown = key;
    const overlay = this.view.get().overlay;
    if (overlay) this.update({ overlay: { ...overlay, pins: on } });
  }

  private update(change: Partial<RoomView>): void {
    this.view.set({ ...this.view.get(), ...change });
  }
}
