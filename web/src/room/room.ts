import { ApiError } from '../api/client';
import type { FeedEvent, MediaTime, Pin, Watch } from '../api/types';
import { createStore, type Store } from '../app/value';
import { Feed, spreadSceneReload } from '../feed/feed';
import { backoff } from '../feed/position';
import { Player, type Figures, type Frame } from '../player';
import { Cover } from '../player/cover';
import { captionsShown, onCaptions, showCaptions } from '../player/captions';
import type { Kept } from '../player/release';
import { Edge } from './edge';
import { Entrance } from './entrance';
import { Archive, WayBack, progressOf, type Past } from './past';
import type { Beside } from './beside';
import { offered, ownPage, within, type Place } from './place';
import type { Lain } from './replay';
import { Reports, heartbeatMilliseconds } from './reports';
import { apply, lacksCards, onAir, openScene, place } from './scene';
import { SceneSource } from './source';
import { Timeline } from './timeline';
import type { Progress, RoomView } from './view';

export type { Progress, RoomView } from './view';

/** A viewer is behind the end of a show by at most this long: the rest is still shown. */
const endingMilliseconds = 10_000;
/** Nearer to the edge than this, who moves forward wants to be there. */
const liveSeconds = 3;
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

  /** What goes on beside the picture, where the page has it; set it before start. */
  beside: Beside | undefined;
  /** Leave to watch what is not for everybody, once the server has given it. */
  grant: string | undefined;

  private player: Player | undefined;
  private feed: Feed | undefined;
  private readonly timeline: Timeline;
  private readonly reports: Reports;
  private readonly scenes: SceneSource;
  private readonly entrance: Entrance;
  private video: HTMLVideoElement | undefined;
  private frame: Frame | undefined;
  private readonly edge = new Edge();
  private timers: ReturnType<typeof setInterval>[] = [];
  private sceneTimer: ReturnType<typeof setTimeout> | undefined;
  private endingTimer: ReturnType<typeof setTimeout> | undefined;
  private sceneAttempts = 0;
  private past: Past | undefined;
  private readonly archive: Archive;
  private readonly way: WayBack;
  private rewindTo: MediaTime | undefined;
  private cover: Cover | undefined;
  /** The addresses that the player was given before the server had named any. */
  private guessed = false;
  private readonly abort = new AbortController();

  constructor(
    readonly id: string,
    private readonly place: Place = ownPage(),
  ) {
    const enter = (watch: Watch) => {
      this.grant = watch.grant;
      this.way.take(within(place, watch.transports));
      this.correct(watch);
    };
    this.entrance = new Entrance(place, this.path, enter, () => this.ban());
    this.scenes = new SceneSource(place, this.path, this.entrance, this.edge, this.abort.signal);
    this.archive = new Archive(place, this.path, () => this.entrance.grant(), this.abort.signal, this.edge);
    this.way = new WayBack(this.archive, () => this.update({ rewindable: true }));
    this.reports = new Reports({
      send: (message) => this.feed?.send(message),
      view: () => this.view.get(),
      frame: () => this.frame,
      liveEdge: () => this.liveEdge(),
      exact: () => this.timeline.kept.exact,
    });
    this.timeline = new Timeline({
      overlay: () => this.view.get().overlay,
      past: () => this.past,
      archive: this.archive,
      deliver: (event) => this.deliver(event),
      onLate: (lateness) => this.reports.late(lateness),
    });
  }

  start(): void {
    this.entrance.ask();
    void this.loadScene();
    this.timers = [
      setInterval(() => this.reports.heartbeat(), heartbeatMilliseconds),
      setInterval(() => this.tick(), 1000),
    ];
  }

  stop(): void {
    this.abort.abort();
    this.timers.forEach(clearInterval);
    clearTimeout(this.sceneTimer);
    clearTimeout(this.endingTimer);
    this.feed?.close();
    this.stopPlayer();
    this.cover?.hide();
  }

  /** session is the server's name for this visit; orders, clicks and impressions carry it. */
  get session(): string | undefined {
    return this.entrance.session;
  }

  /** attach gives the element to play in; it may come before or after the scene. */
  attach(video: HTMLVideoElement): void {
    this.video = video;
    this.cover = new Cover(video);
    void this.play();
  }

  unmute(): void {
    this.player?.unmute();
  }

  mute(): void {
    this.player?.mute();
  }

  /** toLive goes to the newest picture, also from what was wound back. */
  toLive(): void {
    if (!this.past?.onAir) {
      this.player?.toLive();
      return;
    }
    this.past = this.rewindTo = undefined;
    this.changePlayer();
    this.update({ rewound: false });
    void this.loadScene();
  }

  /** rewind winds a show that is on air back, by so many seconds from what the viewer sees. */
  async rewind(seconds: number): Promise<void> {
    const { frame, video } = this;
    const { url } = this.way;
    if (this.past || !frame || !url || !video) return;
    try {
      const past = await this.archive.open(url, true, (lain) => this.showLain(lain));
      const watch = await this.entrance.watch;
      if (this.abort.signal.aborted || this.past || !this.player) return;
      this.past = past;
      this.rewindTo = Math.max(0, frame.mediaTime - seconds * 1e6);
      this.timeline.flush();
      this.changePlayer();
      this.update({ rewound: true });
      this.begin(video, watch);
    } catch {
      // What is on air goes on.
    }
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
    return { ...(await this.player?.figures()), cards: this.timeline.kept };
  }

  /** seek plays a recording, or what was wound back, from another second on. */
  seek(seconds: number): void {
    const { video } = this;
    if (!video) return;
    if (this.past?.onAir) {
      if (seconds > this.progress(video).length - liveSeconds) this.toLive();
      else this.player?.seek(seconds * 1e6);
      return;
    }
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
    const tell = () => listener(this.progress(video));
    const kinds = ['timeupdate', 'durationchange', 'play', 'pause', 'seeking'];
    for (const kind of kinds) video.addEventListener(kind, tell);
    tell();
    return () => kinds.forEach((kind) => video.removeEventListener(kind, tell));
  }

  private progress(video: HTMLVideoElement): Progress {
    return progressOf(video, this.past?.onAir ? this.player?.span() : undefined);
  }

  /** reload asks for the scene again: the reader wants another try, or a quote ran out. */
  reload(): Promise<void> {
    this.past?.replay.forget();
    return this.loadScene();
  }

  /** mediaTime is what the viewer sees now. */
  get mediaTime(): MediaTime | undefined {
    return this.reports.mediaTime;
  }

  /** impression tells once that a pin's card, or without one a deal's, really showed a product, and says whether now. */
  impression(product: string, pin?: string): boolean {
    return this.reports.impression(product, pin);
  }

  click(product: string, pin?: string, variant?: string): void {
    this.reports.click(product, pin, variant);
  }

  /** ask sends a message that is answered up the feed, and says whether that is open. */
  ask(message: Record<string, unknown>): boolean {
    return this.feed?.ask(message) ?? false;
  }

  /** ban ends the visit: the channel does not want this viewer. */
  ban(): void {
    this.stop();
    this.update({ phase: 'banned' });
  }

  private get path(): string {
    return `/v1/broadcasts/${encodeURIComponent(this.id)}`;
  }

  private async loadScene(): Promise<void> {
    try {
      const scene = await this.scenes.load();
      this.sceneAttempts = 0;
      const { overlay, waiting } = openScene(scene, this.view.get().overlay?.pins);
      this.timeline.clear();
      if (scene.state === 'ended') {
        this.stopPlayer();
        await this.openReplay();
        if (!this.past) overlay.pins = [];
      } else if (!onAir(overlay)) this.stopPlayer();
      // What lies on the frame stays: the scene of now has the pins of the last one.
      const shown = this.past && this.view.get().overlay;
      if (this.past) overlay.pins = shown?.pins ?? [];
      if (this.past || scene.state === 'ended') {
        waiting.length = 0;
        overlay.deals = shown?.deals ?? [];
      }
      this.update({
        phase: 'ready',
        broadcast: scene.broadcast,
        overlay,
        replay: this.past !== undefined && !this.past.onAir,
        rewound: this.past?.onAir === true,
        again: false,
      });
      this.timeline.begin(scene, waiting, this.past ? [] : overlay.deals);
      this.player?.setAnchors(overlay.anchors);
      await this.follow(scene.position);
      void this.beside?.load();
      await this.play();
    } catch (error) {
      if (this.abort.signal.aborted) return;
      if (error instanceof ApiError && (error.status === 404 || error.status === 403)) {
        this.stopPlayer();
        this.cover?.hide();
        this.closeFeed();
        this.update({ phase: error.code === 'grant-needed' ? 'refused' : 'missing' });
      } else {
        if (!this.view.get().overlay) this.update({ phase: 'failed' });
        this.sceneTimer = setTimeout(() => void this.loadScene(), backoff(2 + this.sceneAttempts++));
      }
    }
  }

  /** openReplay finds the recording of a show that is over. */
  private async openReplay(): Promise<void> {
    const before = this.past;
    if (before && !before.onAir) return;
    const found = await this.archive.transport();
    this.past = found && (await this.archive.open(found.url, false, (lain) => this.showLain(lain)));
    // Who had wound it back goes on from there.
    this.rewindTo = before && this.past && this.mediaTime;
  }

  private showLain({ pins, deals }: Lain): void {
    const { overlay } = this.view.get();
    if (overlay) this.update({ overlay: { ...overlay, pins, deals } });
  }

  private async follow(position: string): Promise<void> {
    if (!this.feed) {
      const watch = await this.entrance.watch;
      if (this.abort.signal.aborted) return;
      const session = watch?.view_session;
      const here = (this.place.base ?? '') + this.path;
      this.feed = new Feed({
        path: `${here}/feed`,
        session,
        grant: watch?.grant,
        foreign: this.place.base !== undefined,
        signals: session && `${here}/signals`,
        onEvent: (event) => this.beside?.event(event) || this.timeline.take(event),
        onAnswer: (answer) => this.beside?.answer(answer),
        onGap: () => {
          clearTimeout(this.sceneTimer);
          this.sceneTimer = setTimeout(() => void this.loadScene(), spreadSceneReload());
        },
        // Who was banned meanwhile is told by the answer; the news of it may not have come before the feed ended.
        onUnopened: () => void this.entrance.again('feed'),
        onState: (feed) => {
          this.update({ feed });
          if (feed === 'open') this.reports.heartbeat(); // a viewer counts from the beginning
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
      if (!overlay || !(onAir(overlay) || this.past)) return;
      const watch = await this.entrance.watch;
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

  /** turnedAway asks whether the viewer may watch after all; where not, the scene says so too. */
  private turnedAway(): boolean {
    if (!this.entrance.again('player')) return false;
    this.changePlayer();
    this.closeFeed();
    clearTimeout(this.sceneTimer);
    void this.loadScene();
    return true;
  }

  private closeFeed(): void {
    this.feed?.close();
    this.feed = undefined;
  }

  /** changePlayer ends a player whose place another takes: the last picture stays until then. */
  private changePlayer(): void {
    this.cover?.show();
    this.stopPlayer();
  }

  private begin(video: HTMLVideoElement, watch: Watch | undefined): void {
    const { past, rewindTo } = this;
    this.player = new Player({
      video,
      transports: past ? [{ kind: 'hls', url: past.url }] : offered(this.place, watch?.transports, this.id),
      replay: past && !past.onAir,
      rewindTo,
      token: watch?.grant,
      anchors: this.view.get().overlay?.anchors,
      liveEdge: () => this.liveEdge(),
      onState: (player) => {
        // Who asked before the server had said who may watch is not refused yet: its word comes, or the scene's.
        if (player === 'refused' && (this.guessed || this.turnedAway())) return;
        if (player === 'playing' || player === 'refused') this.cover?.hide();
        this.update({ player });
        if (this.endingTimer && player !== 'playing') this.end();
      },
      onTransport: (transport) => this.update({ transport }),
      onMuted: (muted) => this.update({ muted }),
      onQualities: (qualities, quality) => this.update({ qualities, quality }),
      onFrame: (frame) => {
        this.frame = frame;
        this.beside?.frame(frame.mediaTime, this.past !== undefined);
        this.timeline.frame(frame.mediaTime);
      },
    });
    this.player.start();
    this.reports.heartbeat();
  }

  private deliver(event: FeedEvent): void {
    const { overlay } = this.view.get();
    if (!overlay) return;
    if (lacksCards(event)) this.sceneTimer = setTimeout(() => void this.loadScene(), spreadSceneReload());
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
      if (overlay.state !== 'ended' && (!this.past || this.past.onAir)) this.end();
    } else if (!this.player) void this.play();
  }

  /** end is the end for this viewer: the last picture has been shown. */
  private end(): void {
    clearTimeout(this.endingTimer);
    this.endingTimer = undefined;
    if (this.past?.onAir) {
      void this.loadScene(); // its recording goes on from the same frame
      return;
    }
    this.closeFeed();
    this.stopPlayer();
    this.timeline.flush();
    const { overlay } = this.view.get();
    if (overlay) this.update({ overlay: { ...overlay, state: 'ended' } });
    this.archive.transport().then(
      (found) => {
        // Who came as it ended and has seen nothing yet came for the recording.
        if (found && !this.frame) void this.loadScene();
        else this.update({ again: found !== undefined });
      },
      () => undefined, // there is nothing to offer
    );
  }

  private tick(): void {
    if (this.frame && !this.past) this.way.ask(performance.now());
    const since = performance.now() - (this.frame?.at ?? this.edge.toldAt ?? performance.now());
    if (since > noPictureMilliseconds) {
      this.timeline.flush();
      this.beside?.flush();
    }
  }

  private liveEdge(): MediaTime | undefined {
    return this.past ? undefined : this.edge.now;
  }

  private update(change: Partial<RoomView>): void {
    this.view.set({ ...this.view.get(), ...change });
  }
}
