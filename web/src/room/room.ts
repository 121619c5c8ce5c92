import { ApiError } from '../api/client';
import type { FeedEvent, MediaTime, Pin, Scene, SceneBroadcast, Transport, Watch } from '../api/types';
import { createStore, type Store } from '../app/value';
import { Feed, spreadSceneReload, type FeedState } from '../feed/feed';
import { backoff } from '../feed/position';
import { language } from '../i18n/language';
import { Player, type Figures, type Frame, type PlayerState, type Quality, type TransportKind } from '../player';
import { captionsShown, onCaptions, showCaptions } from '../player/captions';
import { Release, type Kept, type Lateness } from '../player/release';
import { offered, ownPage, within, type Place } from './place';
import { Replay, type PinSpan } from './replay';
import { apply, isOld, leavesAtOnce, openScene, place, type Overlay } from './scene';
import { hasConsent, storedVisitor, storeVisitor } from './visitor';

/** RoomView is all that the page shows of a broadcast. */
export interface RoomView {
  /** missing: there is no such broadcast. refused: it is not for this viewer. failed: it could not be loaded, and is tried again. */
  phase: 'loading' | 'missing' | 'refused' | 'failed' | 'ready';
  broadcast?: SceneBroadcast;
  overlay?: Overlay;
  player: PlayerState;
  transport?: TransportKind;
  muted: boolean;
  /** What the viewer may choose from, and what was chosen (undefined: the player chooses). */
  qualities: readonly Quality[];
  quality?: string;
  feed: FeedState;
  /** The show is over and its recording plays. */
  replay?: boolean;
  /** The show has just ended, and there is a recording of it. */
  again?: boolean;
}

/** Progress is where a recording plays, in seconds. */
export interface Progress {
  time: number;
  length: number;
  paused: boolean;
}

const heartbeatMilliseconds = 5000;
/** A viewer is behind the end of a show by at most this long: the rest is still shown. */
const endingMilliseconds = 10_000;
/** With no frame for this long there is no picture to wait for: events are shown as they come. */
const noPictureMilliseconds = 5000;

/**
 * Room is one viewer in one broadcast: the scene and the feed that changes it, the player whose frames release the
 * changes, and the view session that tells what was seen.
 */
export class Room {
  readonly view: Store<RoomView> = createStore<RoomView>({
    phase: 'loading',
    player: 'connecting',
    muted: true,
    qualities: [],
    feed: 'connecting',
  });
  /** The server's name for this visit; orders, clicks and impressions carry it. */
  session: string | undefined;

  private player: Player | undefined;
  private feed: Feed | undefined;
  private release: Release<FeedEvent>;
  private watched: Promise<Watch | undefined> | undefined;
  private video: HTMLVideoElement | undefined;
  private frame: Frame | undefined;
  private edge: { mediaTime: MediaTime; at: number } | undefined;
  private timers: ReturnType<typeof setInterval>[] = [];
  private sceneTimer: ReturnType<typeof setTimeout> | undefined;
  private endingTimer: ReturnType<typeof setTimeout> | undefined;
  private sceneAttempts = 0;
  private replay: Replay | undefined;
  private replayURL: string | undefined;
  /** The addresses that the player was given before the server had named any. */
  private guessed = false;
  private seen = new Set<string>();
  private readonly abort = new AbortController();

  constructor(
    readonly id: string,
    private readonly place: Place = ownPage(),
  ) {
    this.release = new Release<FeedEvent>({
      deliver: (event) => this.deliver(event),
      onLate: (lateness) => this.tellLateness(lateness),
    });
  }

  start(): void {
    this.watched = this.watch();
    void this.loadScene();
    this.timers = [
      setInterval(() => this.heartbeat(), heartbeatMilliseconds),
      setInterval(() => this.flushWithoutPicture(), 1000),
    ];
  }

  stop(): void {
    this.abort.abort();
    this.timers.forEach(clearInterval);
    clearTimeout(this.sceneTimer);
    clearTimeout(this.endingTimer);
    this.feed?.close();
    this.player?.stop();
  }

  /** attach gives the element to play in; it may come before or after the scene. */
  attach(video: HTMLVideoElement): void {
    this.video = video;
    void this.play();
  }

  unmute(): void {
    this.player?.unmute();
  }

  mute(): void {
    this.player?.mute();
  }

  toLive(): void {
    this.player?.toLive();
  }

  /** choose takes one quality, or leaves the choice to the player. */
  choose(quality: string | undefined): void {
    this.player?.choose(quality);
  }

  /** captions tells whether captions are shown; undefined: there are none. */
  captions(): boolean | undefined {
    return this.video && captionsShown(this.video);
  }

  showCaptions(shown: boolean): void {
    if (this.video) showCaptions(this.video, shown);
  }

  /** onCaptions tells of captions that come, go or are switched, until what it returns is called. */
  onCaptions(listener: (shown: boolean | undefined) => void): () => void {
    return this.video ? onCaptions(this.video, listener) : () => undefined;
  }

  /** figures are what a viewer who wonders can read, and how cards kept to their frames. */
  async figures(): Promise<Figures & { cards: Kept }> {
    return { ...(await this.player?.figures()), cards: this.release.kept };
  }

  /** seek plays a recording from another second on. */
  seek(seconds: number): void {
    const { video } = this;
    if (!video) return;
    const over = video.ended;
    video.currentTime = seconds;
    if (over) void video.play().catch(() => undefined); // the end stopped it, not the viewer
  }

  /** toggle stops a recording, or lets it go on. */
  toggle(): void {
    if (this.video?.paused) void this.video.play().catch(() => undefined);
    else this.video?.pause();
  }

  /** onProgress tells where a recording plays, from now on until what it returns is called. */
  onProgress(listener: (progress: Progress) => void): () => void {
    const { video } = this;
    if (!video) return () => undefined;
    const tell = () =>
      listener({
        time: video.currentTime,
        length: Number.isFinite(video.duration) ? video.duration : 0,
        paused: video.paused,
      });
    const kinds = ['timeupdate', 'durationchange', 'play', 'pause', 'seeking'];
    for (const kind of kinds) video.addEventListener(kind, tell);
    tell();
    return () => kinds.forEach((kind) => video.removeEventListener(kind, tell));
  }

  /** reload asks for the scene again: the reader wants another try, or a quote ran out. */
  reload(): Promise<void> {
    this.replay?.forget();
    return this.loadScene();
  }

  /** mediaTime is what the viewer sees now. */
  get mediaTime(): MediaTime | undefined {
    return this.frame && Math.max(0, this.frame.mediaTime);
  }

  /** impression tells once per pin that its card was really seen, and says whether this was the first time. */
  impression(pin: string, product: string): boolean {
    if (this.seen.has(pin)) return false;
    this.seen.add(pin);
    this.feed?.send({ kind: 'impression', pin, product, media_time: this.mediaTime });
    return true;
  }

  click(product: string, pin?: string, variant?: string): void {
    this.feed?.send({ kind: 'click', pin, product, variant, media_time: this.mediaTime });
  }

  private async watch(): Promise<Watch | undefined> {
    const { client, token, source } = this.place;
    try {
      const watch = await client.post<Watch>(`${this.path}/watch`, {
        visitor: storedVisitor(),
        consent: hasConsent(),
        language: language.get(),
        source,
        token,
      });
      storeVisitor(watch.visitor);
      this.session = watch.view_session;
      this.correct(watch);
      return watch;
    } catch {
      return undefined; // Watching goes on without being counted.
    }
  }

  private get path(): string {
    return `/v1/broadcasts/${encodeURIComponent(this.id)}`;
  }

  private async loadScene(): Promise<void> {
    try {
      const scene = await this.fetchScene();
      this.sceneAttempts = 0;
      const { overlay, waiting } = openScene(scene, this.view.get().overlay?.pins);
      this.release.clear();
      if (scene.state === 'ended') {
        this.stopPlayer();
        await this.openReplay();
        // What lies on the frame stays: the scene of now has the pins of the last one.
        overlay.pins = (this.replay && this.view.get().overlay?.pins) || [];
        waiting.length = 0;
      } else if (!onAir(overlay)) this.stopPlayer();
      this.update({
        phase: 'ready',
        broadcast: scene.broadcast,
        overlay,
        replay: this.replay !== undefined,
        again: false,
      });
      for (const pin of waiting) this.release.hold(placed(pin, scene), pin.from);
      this.player?.setAnchors(overlay.anchors);
      await this.follow(scene.position);
      await this.play();
    } catch (error) {
      if (this.abort.signal.aborted) return;
      if (error instanceof ApiError && (error.status === 404 || error.status === 403)) {
        this.stopPlayer();
        this.update({ phase: error.code === 'grant-needed' ? 'refused' : 'missing' });
      } else {
        if (!this.view.get().overlay) this.update({ phase: 'failed' });
        this.sceneTimer = setTimeout(() => void this.loadScene(), backoff(2 + this.sceneAttempts++));
      }
    }
  }

  /** fetchScene asks beside watch; only what is not for everybody has to wait for its grant. */
  private async fetchScene(): Promise<Scene> {
    const { client, token } = this.place;
    const fetch = async (grant: string | undefined) => {
      const asked = performance.now();
      const scene = await client.get<Scene>(`${this.path}/scene`, { grant }, this.abort.signal);
      // Its live edge was true somewhere on the way there and back.
      this.edge = { mediaTime: scene.now, at: (asked + performance.now()) / 2 };
      return scene;
    };
    if (token) return fetch((await this.watched)?.grant);
    try {
      return await fetch(undefined);
    } catch (error) {
      const grant = error instanceof ApiError && error.status === 403 ? (await this.watched)?.grant : undefined;
      if (!grant) throw error;
      return fetch(grant);
    }
  }

  /** openReplay finds the recording of a show that is over. */
  private async openReplay(): Promise<void> {
    if (this.replay) return;
    const url = await this.recording();
    if (!url) return;
    const { client } = this.place;
    const { items } = await client.get<{ items: PinSpan[] }>(`${this.path}/pins`, undefined, this.abort.signal);
    this.replayURL = url;
    this.replay = new Replay({
      pins: items,
      load: async (at) =>
        (await client.get<Scene>(`${this.path}/scene?at=${Math.round(at)}`, undefined, this.abort.signal)).pins,
      show: (pins) => {
        const { overlay } = this.view.get();
        if (overlay) this.update({ overlay: { ...overlay, pins } });
      },
    });
  }

  /** recording is the address of the show's recording, where there is one. */
  private async recording(): Promise<string | undefined> {
    const { client } = this.place;
    const { transports } = await client.get<{ transports: Transport[] }>(this.path, undefined, this.abort.signal);
    return within(this.place, transports).find((one) => one.kind === 'hls')?.url;
  }

  private async follow(position: string): Promise<void> {
    if (!this.feed) {
      const watch = await this.watched;
      if (this.abort.signal.aborted) return;
      const session = watch?.view_session;
      const here = (this.place.base ?? '') + this.path;
      this.feed = new Feed({
        path: `${here}/feed`,
        session,
        grant: watch?.grant,
        foreign: this.place.base !== undefined,
        signals: session && `${here}/signals`,
        onEvent: (event) => this.onEvent(event),
        onGap: () => {
          clearTimeout(this.sceneTimer);
          this.sceneTimer = setTimeout(() => void this.loadScene(), spreadSceneReload());
        },
        onState: (feed) => {
          this.update({ feed });
          if (feed === 'open') this.heartbeat(); // a viewer counts from the beginning
        },
      });
    }
    this.feed.follow(position);
  }

  /**
   * play begins at once, at the usual addresses, while the scene and the server's word on who may watch are on their
   * way; what has to wait for that word waits.
   */
  private async play(): Promise<void> {
    const { overlay, phase } = this.view.get();
    if (!this.video || this.player || this.abort.signal.aborted) return;
    const early = !overlay && phase === 'loading' && !this.place.token;
    if (!early) {
      if (!overlay || !(onAir(overlay) || this.replay)) return;
      const watch = await this.watched;
      if (this.player || this.abort.signal.aborted || !this.video) return;
      this.begin(this.video, watch);
    } else {
      this.guessed = true;
      this.begin(this.video, undefined);
    }
  }

  /** correct begins anew where the server names other addresses than the usual ones. */
  private correct(watch: Watch): void {
    if (!this.guessed || !this.player || !this.video) return;
    this.guessed = false;
    if (!watch.grant) return;
    this.stopPlayer();
    this.begin(this.video, watch);
  }

  private stopPlayer(): void {
    this.player?.stop();
    this.player = undefined;
  }

  private begin(video: HTMLVideoElement, watch: Watch | undefined): void {
    this.player = new Player({
      video,
      transports: this.replayURL
        ? [{ kind: 'hls', url: this.replayURL }]
        : offered(this.place, watch?.transports, this.id),
      replay: this.replay !== undefined,
      token: watch?.grant,
      anchors: this.view.get().overlay?.anchors,
      liveEdge: () => this.liveEdge(),
      onState: (player) => {
        // Who asked before the server had said who may watch is not refused yet: its word comes, or the scene's.
        if (player === 'refused' && this.guessed) return;
        this.update({ player });
        if (this.endingTimer && player !== 'playing') this.end();
      },
      onTransport: (transport) => this.update({ transport }),
      onMuted: (muted) => this.update({ muted }),
      onQualities: (qualities, quality) => this.update({ qualities, quality }),
      onFrame: (frame) => {
        this.frame = frame;
        if (this.replay) this.replay.frame(frame.mediaTime);
        else this.release.advance(frame.mediaTime);
      },
    });
    this.player.start();
    this.heartbeat();
  }

  private onEvent(event: FeedEvent): void {
    const { overlay } = this.view.get();
    if (!overlay || isOld(overlay, event)) return;
    // The show is over: what is still told of its end or its pins is in the recording.
    if (this.replay && /^(broadcast|pin)\./.test(event.kind)) return;
    if (leavesAtOnce(event)) this.deliver(event);
    else this.release.hold(event, event.media_time);
  }

  private deliver(event: FeedEvent): void {
    const { overlay } = this.view.get();
    if (!overlay) return;
    if (event.kind === 'broadcast.resumed' || event.kind === 'broadcast.started') this.player?.nudge();
    const next = event.kind === 'scene.pin' ? place(overlay, event.data as Pin) : apply(overlay, event);
    if (next === overlay) return;
    if (next.anchors !== overlay.anchors) this.player?.setAnchors(next.anchors);
    if (next.state === 'ended' && overlay.state !== 'ended' && this.view.get().player === 'playing') {
      this.endingTimer ??= setTimeout(() => this.end(), endingMilliseconds);
      return;
    }
    this.update({ overlay: next });
    if (next.state === 'ended') {
      // A recording plays on whatever is told meanwhile, such as who else watches it.
      if (overlay.state !== 'ended' && !this.replay) this.end();
    } else if (!this.player) void this.play();
  }

  /** end is the end for this viewer: the last picture has been shown. */
  private end(): void {
    clearTimeout(this.endingTimer);
    this.endingTimer = undefined;
    this.feed?.close();
    this.player?.stop();
    this.feed = this.player = undefined;
    this.release.flush();
    const { overlay } = this.view.get();
    if (overlay) this.update({ overlay: { ...overlay, state: 'ended' } });
    this.recording().then(
      (url) => {
        // Who came as it ended and has seen nothing yet came for the recording.
        if (url && !this.frame) void this.loadScene();
        else this.update({ again: url !== undefined });
      },
      () => undefined, // there is nothing to offer
    );
  }

  private heartbeat(): void {
    const { player, transport } = this.view.get();
    const edge = this.liveEdge();
    const frame = this.frame && performance.now() - this.frame.at < heartbeatMilliseconds ? this.frame : undefined;
    this.feed?.send({
      kind: 'heartbeat',
      transport,
      media_time: frame && Math.max(0, frame.mediaTime),
      lag_ms: frame && edge !== undefined ? Math.max(0, Math.round((edge - frame.mediaTime) / 1000)) : undefined,
      playing: player === 'playing',
    });
  }

  private tellLateness({ ms, frames }: Lateness): void {
    this.feed?.send({ kind: 'lateness', ms, frames });
  }

  private flushWithoutPicture(): void {
    const since = performance.now() - (this.frame?.at ?? this.edge?.at ?? performance.now());
    if (since > noPictureMilliseconds) this.release.flush();
  }

  /** liveEdge is the scene's live edge, carried on by our own clock: nobody's wall clock is trusted. */
  private liveEdge(): MediaTime | undefined {
    return this.replay ? undefined : this.edge && this.edge.mediaTime + (performance.now() - this.edge.at) * 1000;
  }

  private update(change: Partial<RoomView>): void {
    this.view.set({ ...this.view.get(), ...change });
  }
}

function onAir({ state }: Overlay): boolean {
  return state === 'live' || state === 'interrupted' || state === 'rehearsal';
}

function placed(pin: Pin, scene: Scene): FeedEvent {
  return { id: '', kind: 'scene.pin', v: 1, media_time: pin.from, at: 0, data: { ...pin, version: scene.version } };
}
