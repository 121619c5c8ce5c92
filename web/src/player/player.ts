import { Cover } from './cover';
import { FrameClock, type Frame } from './frameclock';
import { HlsSession } from './hls';
import { hasMediaSource, prepareHls } from './hlsload';
import { NativeHlsSession, bufferedAhead, type HlsOptions } from './hlsnative';
import { parseWall, type MediaTime, type WallAnchor } from './mediatime';
import { Meter, type Figures } from './meter';
import { newAttempts, plan, upgradeWait, type Next } from './plan';
import { TransportError, type Quality, type Session, type Span, type TransportKind } from './session';
import { Surroundings } from './surroundings';
import { WhepSession } from './whep';

/**
 * connecting: no picture yet. playing. waiting: there was a picture and it stands still (the publisher is away, or the
 * network). blocked: the browser wants a tap before it plays. refused: this viewer may not watch.
 */
export type PlayerState = 'connecting' | 'playing' | 'waiting' | 'blocked' | 'refused';

export interface PlayerOptions {
  video: HTMLVideoElement;
  /** In order of preference. */
  transports: readonly { kind: TransportKind; url: string }[];
  token?: string;
  anchors?: readonly { generation: number; media_time: MediaTime; wall: string }[];
  liveEdge?: () => MediaTime | undefined;
  /** A recording: its viewer says where it plays and when it stands still. */
  replay?: boolean;
  /** So does the viewer of a show that was wound back, or of its recording from where that was: from this frame on. */
  rewindTo?: MediaTime;
  onState?: (state: PlayerState) => void;
  onTransport?: (kind: TransportKind) => void;
  /** Each presented frame, inside its own rendering. */
  onFrame?: (frame: Frame) => void;
  /** Whether the sound is off, by the viewer's choice or the browser's rule. */
  onMuted?: (muted: boolean) => void;
  /** What there is to choose from, and what is chosen (undefined: the player chooses). */
  onQualities?: (qualities: readonly Quality[], chosen: string | undefined) => void;
  /** How many watch over WebRTC, where the server tells. */
  onViewers?: (count: number) => void;
}

/** WebRTC that is not connected after this long has HLS started beside it: whichever shows a picture first stays. */
const raceMilliseconds = 900;
/** One that is connected and has no picture yet gets this long. */
const raceConnectedMilliseconds = 1800;
/** hls.js is fetched after this long without a connection. */
const prepareMilliseconds = 450;
/** A transport that shows nothing for this long gives way to the next; HLS waits for a first part and gets more. */
const firstPictureMilliseconds = 3000;
const firstPictureHlsMilliseconds = 10_000;
/** WebRTC in the background is given up after this long. */
const rivalMilliseconds = 4000;
/** A picture that stands still for this long is called waiting. */
const stillMilliseconds = 900;
/** WebRTC that stands still for so long though the publisher sends looks for another way, and then is given up. */
const searchMilliseconds = 2000;
const lostMilliseconds = 6000;
/** A connection that held for this long was a good one: what failed before it is forgotten. */
const steadyMilliseconds = 30_000;
/** Hidden for longer, playback goes to the live edge when it is seen again. */
const sleepMilliseconds = 5000;
/** HLS that waited for data within this time, or has less than this ready, has no bandwidth to try WebRTC beside it. */
const starvedMilliseconds = 10_000;
const aheadSeconds = 0.3;

/**
 * Player plays one live broadcast in one video element: over WebRTC where that works, over LL-HLS elsewhere, by itself.
 * It goes on through publishers that come and go, networks that change and devices that sleep, until stop.
 */
export class Player {
  private session: Session | undefined;
  /** WebRTC that tries in the background while HLS is shown. */
  private rival: WhepSession | undefined;
  private readonly clock: FrameClock;
  private readonly cover: Cover;
  private readonly around: Surroundings;
  private readonly meter = new Meter();
  private attempts = newAttempts();
  private upgrades = 0;
  private anchors: WallAnchor[] = [];
  private hadPicture = false;
  private reached = 0;
  private pictureAt = 0;
  private firstAt = 0;
  private waitedAt = -Infinity;
  private searchedAt = -Infinity;
  private lastFrame: Frame | undefined;
  private active: boolean | undefined;
  private chosen: string | undefined;
  private state: PlayerState = 'connecting';
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private raceTimer: ReturnType<typeof setTimeout> | undefined;
  private firstTimer: ReturnType<typeof setTimeout> | undefined;
  private prepareTimer: ReturnType<typeof setTimeout> | undefined;
  private rivalTimer: ReturnType<typeof setTimeout> | undefined;
  private running = false;

  constructor(private readonly options: PlayerOptions) {
    const { video } = options;
    this.clock = new FrameClock(
      video,
      (frame) => {
        this.lastFrame = frame;
        options.onFrame?.(frame);
      },
      () => this.onPicture(),
    );
    this.cover = new Cover(video);
    this.around = new Surroundings({
      seen: (hiddenFor) => this.onSeen(hiddenFor),
      moved: () => this.onMoved(),
      left: () => this.drop(),
      back: () => this.connect(options.transports[0]!.kind),
      tick: () => this.look(),
    });
    this.setAnchors(options.anchors ?? []);
  }

  /** transport that is in use. */
  get transport(): TransportKind | undefined {
    return this.session?.kind;
  }

  start(): void {
    if (this.running) return;
    const first = this.options.transports[0];
    if (!first) throw new Error('a player needs a transport');
    this.running = true;
    this.around.start();
    this.options.video.addEventListener('volumechange', this.onVolume);
    this.connect(first.kind);
  }

  stop(): void {
    this.running = false;
    this.around.stop();
    this.options.video.removeEventListener('volumechange', this.onVolume);
    this.drop();
    this.cover.hide();
  }

  /** setAnchors takes the broadcast's anchors anew: a generation began. */
  setAnchors(anchors: readonly { generation: number; media_time: MediaTime; wall: string }[]): void {
    this.anchors = anchors.map((one) => ({
      generation: one.generation,
      mediaTime: one.media_time,
      wall: parseWall(one.wall),
    }));
  }

  /** unmute must be called from a tap: browsers keep the sound off until then. */
  unmute(): void {
    this.options.video.muted = false;
    void this.play();
  }

  mute(): void {
    this.options.video.muted = true;
  }

  /** choose takes one quality by its name, or leaves the choice to the player. It holds over all transports. */
  choose(quality: string | undefined): void {
    this.chosen = quality;
    this.session?.choose(quality);
    this.tellQualities();
  }

  /** toLive goes to the newest picture, and starts a playback that the browser blocked. */
  toLive(): void {
    if (this.own) return;
    this.session?.toLive();
    void this.play();
  }

  /** span is what can be watched now, where the transport can go back. */
  span(): Span | undefined {
    return this.session?.span?.();
  }

  /** seek goes to the frame of a media time, within the span. */
  seek(to: MediaTime): void {
    this.session?.seek?.(to);
  }

  /** nudge ends a wait: the page has heard that the broadcast is on air again. */
  nudge(): void {
    if (!this.running || this.session) return;
    this.later({ kind: this.options.transports[0]!.kind, wait: Math.round(400 * Math.random()) });
  }

  /** figures are what is true now; rates are over the time since the last call. */
  async figures(): Promise<Figures> {
    const counters = (await this.session?.counters()) ?? {};
    const now = performance.now();
    const edge = this.options.liveEdge?.();
    const frame = this.lastFrame && now - this.lastFrame.at < stillMilliseconds ? this.lastFrame : undefined;
    const lag =
      frame && edge !== undefined ? Math.max(0, (edge - frame.mediaTime) / 1000 - (now - frame.at)) : undefined;
    return { ...this.meter.read(counters, now), transport: this.transport, lag };
  }

  private connect(kind: TransportKind): void {
    this.drop();
    if (!this.running || !this.options.transports.some((one) => one.kind === kind)) return;
    if (this.state !== 'waiting') this.setState('connecting');
    if (kind === 'whep') {
      const session = this.whep();
      this.use(session);
      if (this.offers('hls')) {
        this.prepareTimer = setTimeout(() => !session.connected && prepareHls(), prepareMilliseconds);
        this.raceTimer = setTimeout(() => this.race(session, true), raceMilliseconds);
      }
      this.show(session);
      this.open(session);
    } else this.useHls();
  }

  private useHls(): void {
    const session = this.hls();
    this.use(session);
    this.open(session, () => this.show(session));
  }

  /** race starts HLS beside WebRTC that shows nothing. */
  private race(session: WhepSession, again: boolean): void {
    if (session !== this.session || this.hadPicture) return;
    if (session.connected && again) {
      this.raceTimer = setTimeout(() => this.race(session, false), raceConnectedMilliseconds - raceMilliseconds);
      return;
    }
    this.clock.stop();
    session.detach();
    this.session = undefined;
    this.follow(session, firstPictureMilliseconds - raceMilliseconds);
    this.useHls();
  }

  /** follow keeps WebRTC in the background until it has a picture, for so long. */
  private follow(session: WhepSession, milliseconds: number): void {
    this.rival = session;
    session.whenFlowing(() => this.promote(session));
    clearTimeout(this.rivalTimer);
    this.rivalTimer = setTimeout(() => this.dropRival(), milliseconds);
  }

  /** promote shows what came in the background. The last picture stays until the next one is there. */
  private promote(session: WhepSession): void {
    if (session !== this.rival) return;
    this.rival = undefined;
    if (this.hadPicture) this.cover.show();
    this.drop();
    this.use(session);
    this.show(session);
  }

  private dropRival(): void {
    const { rival } = this;
    if (!rival) return;
    this.rival = undefined;
    clearTimeout(this.rivalTimer);
    rival.close();
    this.upgradeLater();
  }

  /** upgradeLater has WebRTC tried again, when the page is visible and HLS has bandwidth to spare. */
  private upgradeLater(): void {
    clearTimeout(this.rivalTimer);
    if (this.session?.kind !== 'hls' || !this.offers('whep') || this.own) return;
    this.rivalTimer = setTimeout(() => this.upgrade(), upgradeWait(this.upgrades));
  }

  private upgrade(): void {
    const { video } = this.options;
    const now = performance.now();
    const starving = now - this.waitedAt < starvedMilliseconds || bufferedAhead(video) < aheadSeconds;
    if (document.visibilityState === 'hidden' || this.state !== 'playing' || video.paused || starving) {
      this.upgradeLater();
      return;
    }
    this.upgrades++;
    const session = this.whep();
    this.open(session);
    this.follow(session, rivalMilliseconds);
  }

  private whep(): WhepSession {
    const session: WhepSession = new WhepSession({
      ...this.shared('whep'),
      ended: (error) => this.onEnded(session, error),
      onQualities: () => this.tellQualities(session),
      onActive: (active) => {
        if (session === this.session) this.active = active;
      },
      onViewers: (count) => {
        if (session === this.session) this.options.onViewers?.(count);
      },
    });
    return session;
  }

  private hls(): Session {
    const options = {
      ...this.shared('hls'),
      ended: (error: TransportError) => this.onEnded(session, error),
      onQualities: () => this.tellQualities(session),
      anchors: () => this.anchors,
      ...this.begin(),
      onRenew: () => this.renewed(session),
    };
    const session: Session = hasMediaSource() ? new HlsSession(options) : new NativeHlsSession(options);
    return session;
  }

  /** begin is where a viewer who says it begins, or goes on after a failure. */
  private begin(): Pick<HlsOptions, 'replayFrom' | 'rewindTo'> {
    const { replay, rewindTo } = this.options;
    if (rewindTo !== undefined) return { rewindTo: this.lastFrame?.mediaTime ?? rewindTo };
    return { replayFrom: replay ? this.reached : undefined };
  }

  /** own: the viewer says where it plays and when it stands still. */
  private get own(): boolean {
    return this.options.replay === true || this.options.rewindTo !== undefined;
  }

  /** renewed keeps the last picture while a session begins anew. */
  private renewed(session: Session): void {
    if (session !== this.session) return;
    this.cover.show();
    this.use(session);
  }

  private shared(kind: TransportKind) {
    const { video, token, liveEdge, transports } = this.options;
    return { video, token, liveEdge, url: transports.find((one) => one.kind === kind)!.url };
  }

  private offers(kind: TransportKind): boolean {
    return this.options.transports.some((one) => one.kind === kind);
  }

  /** use makes a session the one that is to be shown. */
  private use(session: Session): void {
    this.session = session;
    this.hadPicture = false;
    this.active = undefined;
    this.meter.forget();
    this.options.onTransport?.(session.kind);
    this.tellQualities();
    clearTimeout(this.firstTimer);
    const patience = session.kind === 'whep' ? firstPictureMilliseconds : firstPictureHlsMilliseconds;
    this.firstTimer = setTimeout(() => this.onEnded(session, new TransportError('failed', 'no picture')), patience);
  }

  private open(session: Session, opened?: () => void): void {
    session.open().then(
      () => {
        if (session !== this.session && session !== this.rival) return;
        if (this.chosen !== undefined) session.choose(this.chosen);
        if (session === this.session) opened?.();
      },
      (cause: unknown) => {
        const error = cause instanceof TransportError ? cause : new TransportError('unplayable', String(cause));
        this.onEnded(session, error);
      },
    );
  }

  private show(session: Session): void {
    session.attach();
    this.clock.start(session);
    void this.play();
  }

  private drop(): void {
    for (const timer of [this.firstTimer, this.prepareTimer, this.raceTimer, this.rivalTimer, this.retryTimer]) {
      clearTimeout(timer);
    }
    this.clock.stop();
    const { session, rival } = this;
    this.session = this.rival = undefined;
    rival?.close();
    session?.close();
  }

  private onEnded(session: Session, error: TransportError): void {
    if (session === this.rival) {
      // Where the broadcast itself is the reason, there is no hurry to look again.
      if (error.reason === 'unplayable') this.upgrades += 2;
      this.dropRival();
      return;
    }
    if (session !== this.session) return;
    const offered = this.options.transports.map((one) => one.kind);
    if (this.hadPicture && performance.now() - this.firstAt > steadyMilliseconds) this.attempts = newAttempts();
    const next = plan(offered, session.kind, error, this.hadPicture, this.attempts);
    const shown = this.hadPicture || this.state === 'waiting';
    if (this.hadPicture && next) this.cover.show();
    this.drop();
    if (!next) {
      this.cover.hide();
      this.setState('refused');
      return;
    }
    if (shown) this.setState('waiting');
    this.later(next);
  }

  private later(next: Next): void {
    clearTimeout(this.retryTimer);
    if (next.wait === 0) this.connect(next.kind);
    else this.retryTimer = setTimeout(() => this.connect(next.kind), next.wait);
  }

  private async play(): Promise<void> {
    const { video } = this.options;
    try {
      await video.play();
    } catch (error) {
      if ((error as DOMException).name !== 'NotAllowedError') return;
      if (video.muted) this.setState('blocked');
      else {
        video.muted = true;
        await video.play().catch(() => this.setState('blocked'));
      }
    }
    this.onVolume();
  }

  private onPicture(): void {
    this.pictureAt = performance.now();
    this.reached = this.options.video.currentTime;
    if (!this.hadPicture) this.onFirstPicture();
    this.setState('playing');
  }

  private onFirstPicture(): void {
    this.hadPicture = true;
    this.firstAt = this.pictureAt;
    this.attempts.barren = 0;
    clearTimeout(this.firstTimer);
    clearTimeout(this.prepareTimer);
    clearTimeout(this.raceTimer);
    this.cover.hide();
    if (this.session?.kind === 'hls' && !this.rival) this.upgradeLater();
  }

  /** look finds a picture that stands still. Hidden pages present no frames, that says nothing. */
  private look(): void {
    if (document.visibilityState === 'hidden' || !this.session || !this.hadPicture) return;
    if (this.own && this.options.video.paused) return;
    const now = performance.now();
    const still = now - this.pictureAt;
    if (this.state === 'playing' && still > stillMilliseconds) {
      this.waitedAt = now;
      this.setState('waiting');
    }
    if (this.session.kind === 'whep') {
      if (now - this.firstAt > steadyMilliseconds) this.upgrades = 0;
      if (still > searchMilliseconds && this.active !== false && this.searchedAt < this.pictureAt) {
        this.searchedAt = now;
        this.session.moved();
      }
      if (still > lostMilliseconds && this.active) {
        this.onEnded(this.session, new TransportError('failed', 'no media though there are some'));
      }
    }
  }

  private tellQualities(session = this.session): void {
    if (session === this.session) this.options.onQualities?.(session?.qualities ?? [], this.chosen);
  }

  private setState(state: PlayerState): void {
    if (state === this.state) return;
    this.state = state;
    this.options.onState?.(state);
  }

  private onSeen(hiddenFor: number): void {
    this.pictureAt = performance.now();
    if (hiddenFor <= sleepMilliseconds) return;
    this.session?.moved();
    this.toLive();
  }

  /** A wait that grew while there was no network is over; what plays finds its way anew. */
  private onMoved(): void {
    this.upgrades = 0;
    if (this.session) {
      this.session.moved();
      if (!this.rival) this.upgradeLater();
      return;
    }
    this.attempts = newAttempts();
    this.connect(this.options.transports[0]!.kind);
  }

  private onVolume = (): void => this.options.onMuted?.(this.options.video.muted);
}
