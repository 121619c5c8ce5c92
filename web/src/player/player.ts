import { FrameClock, type Frame } from './frameclock';
import { HlsSession, prepareHls } from './hls';
import { parseWall, type MediaTime, type WallAnchor } from './mediatime';
import { newAttempts, plan, type Next } from './plan';
import { TransportError, type Session, type TransportKind } from './session';
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
  onState?: (state: PlayerState) => void;
  onTransport?: (kind: TransportKind) => void;
  /** Each presented frame, inside its own rendering. */
  onFrame?: (frame: Frame) => void;
  /** Whether the sound is off, by the viewer's choice or the browser's rule. */
  onMuted?: (muted: boolean) => void;
}

/** A transport that shows nothing for this long gives way to the next. */
const firstPictureMilliseconds = 3000;
/** After this long without one the player of the next transport is fetched already. */
const prepareMilliseconds = 1500;
/** HLS waits for a first part and loads its player: it gets more. */
const firstPictureHlsMilliseconds = 10_000;
/** A picture that stands still for this long is called waiting. */
const stillMilliseconds = 900;
/** A connection that held for this long was a good one: what failed before it is forgotten. */
const steadyMilliseconds = 30_000;
/** Hidden for longer, playback goes to the live edge when it is seen again. */
const sleepMilliseconds = 5000;

/**
 * Player plays one live broadcast in one video element: over WebRTC where that works, over LL-HLS elsewhere, by itself.
 * It goes on through publishers that come and go, networks that change and devices that sleep, until stop.
 */
export class Player {
  private session: Session | undefined;
  private readonly clock: FrameClock;
  private attempts = newAttempts();
  private anchors: WallAnchor[] = [];
  private hadPicture = false;
  private reached = 0;
  private pictureAt = 0;
  private firstAt = 0;
  private hiddenAt: number | undefined;
  private state: PlayerState = 'connecting';
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private firstTimer: ReturnType<typeof setTimeout> | undefined;
  private prepareTimer: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private running = false;

  constructor(private readonly options: PlayerOptions) {
    this.clock = new FrameClock(
      options.video,
      (frame) => options.onFrame?.(frame),
      () => this.onPicture(),
    );
    this.setAnchors(options.anchors ?? []);
  }

  /** transport that is in use. */
  get transport(): TransportKind | undefined {
    return this.session?.kind;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    const first = this.options.transports[0];
    if (!first) throw new Error('a player needs a transport');
    this.watch = setInterval(() => this.look(), 300);
    document.addEventListener('visibilitychange', this.onVisibility);
    addEventListener('online', this.onOnline);
    addEventListener('pagehide', this.onPageHide);
    addEventListener('pageshow', this.onPageShow);
    this.options.video.addEventListener('volumechange', this.onVolume);
    this.connect(first.kind);
  }

  stop(): void {
    this.running = false;
    clearInterval(this.watch);
    clearTimeout(this.retryTimer);
    document.removeEventListener('visibilitychange', this.onVisibility);
    removeEventListener('online', this.onOnline);
    removeEventListener('pagehide', this.onPageHide);
    removeEventListener('pageshow', this.onPageShow);
    this.options.video.removeEventListener('volumechange', this.onVolume);
    this.drop();
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

  /** toLive goes to the newest picture, and starts a playback that the browser blocked. */
  toLive(): void {
    this.session?.toLive();
    void this.play();
  }

  /** nudge ends a wait: the page has heard that the broadcast is on air again. */
  nudge(): void {
    if (!this.running || this.session) return;
    this.later({ kind: this.options.transports[0]!.kind, wait: Math.round(400 * Math.random()) });
  }

  private connect(kind: TransportKind): void {
    this.drop();
    const transport = this.options.transports.find((one) => one.kind === kind);
    if (!transport || !this.running) return;
    const ended = (error: TransportError) => {
      if (session === this.session) this.onEnded(session, error);
    };
    const { video, token, liveEdge } = this.options;
    const shared = { video, token, liveEdge, url: transport.url, ended };
    const session: Session =
      kind === 'whep'
        ? new WhepSession(shared)
        : new HlsSession({
            ...shared,
            anchors: () => this.anchors,
            replayFrom: this.options.replay ? this.reached : undefined,
          });
    this.session = session;
    this.hadPicture = false;
    this.options.onTransport?.(kind);
    if (this.state !== 'waiting') this.setState('connecting');
    const patience = kind === 'whep' ? firstPictureMilliseconds : firstPictureHlsMilliseconds;
    this.firstTimer = setTimeout(() => ended(new TransportError('failed', 'no picture')), patience);
    if (kind === 'whep' && this.options.transports.some((one) => one.kind === 'hls')) {
      this.prepareTimer = setTimeout(prepareHls, prepareMilliseconds);
    }
    session.open().then(
      () => {
        if (session !== this.session) return;
        this.clock.start(session);
        void this.play();
      },
      (cause: unknown) => {
        ended(cause instanceof TransportError ? cause : new TransportError('unplayable', String(cause)));
      },
    );
  }

  private drop(): void {
    clearTimeout(this.firstTimer);
    clearTimeout(this.prepareTimer);
    clearTimeout(this.retryTimer);
    this.clock.stop();
    const session = this.session;
    this.session = undefined;
    session?.close();
  }

  private onEnded(session: Session, error: TransportError): void {
    const offered = this.options.transports.map((one) => one.kind);
    if (this.hadPicture && performance.now() - this.firstAt > steadyMilliseconds) this.attempts = newAttempts();
    const next = plan(offered, session.kind, error, this.hadPicture, this.attempts);
    const shown = this.hadPicture || this.state === 'waiting';
    this.drop();
    if (!next) {
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
    if (!this.hadPicture) {
      this.hadPicture = true;
      this.firstAt = this.pictureAt;
      this.attempts.barren = 0;
      clearTimeout(this.firstTimer);
      clearTimeout(this.prepareTimer);
    }
    this.setState('playing');
  }

  /** look finds a picture that stands still. Hidden pages present no frames, that says nothing. */
  private look(): void {
    if (document.visibilityState === 'hidden' || this.state !== 'playing') return;
    if (this.options.replay && this.options.video.paused) return;
    if (performance.now() - this.pictureAt > stillMilliseconds) this.setState('waiting');
  }

  private setState(state: PlayerState): void {
    if (state === this.state) return;
    this.state = state;
    this.options.onState?.(state);
  }

  private onVisibility = (): void => {
    const now = performance.now();
    if (document.visibilityState === 'hidden') {
      this.hiddenAt = now;
      return;
    }
    this.pictureAt = now;
    if (this.hiddenAt !== undefined && now - this.hiddenAt > sleepMilliseconds) this.toLive();
    this.hiddenAt = undefined;
  };

  private onOnline = (): void => {
    // A wait that grew while there was no network is over; what plays is left alone.
    if (this.session) return;
    this.attempts = newAttempts();
    this.connect(this.options.transports[0]!.kind);
  };

  private onPageHide = (): void => this.drop();

  /** The browser kept the page while the viewer was elsewhere, and shows it again. */
  private onPageShow = (event: PageTransitionEvent): void => {
    if (event.persisted) this.connect(this.options.transports[0]!.kind);
  };

  private onVolume = (): void => this.options.onMuted?.(this.options.video.muted);
}
