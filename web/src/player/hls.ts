import type Hls from 'hls.js';
import type { HlsConfig, LevelDetails } from 'hls.js';
import workerURL from 'hls.js/dist/hls.worker.js?url';
import { HangGuard, steer } from './latency';
import { dateToMediaTime, fragmentDate, parseWall, type MediaTime, type WallAnchor } from './mediatime';
import { TransportError, type FrameMetadata, type Session, type SessionOptions } from './session';

/** prepareHls fetches hls.js, so that it is there if it is needed. */
export function prepareHls(): void {
  import('hls.js').catch(() => undefined);
}

/** How often the latency is steered and a hang looked for. */
const tickMilliseconds = 250;
/** Nearer to the edge than this a seek would only cost a stall. */
const nearEdgeSeconds = 0.5;

export interface HlsOptions extends SessionOptions {
  /** Anchors known from elsewhere; those in the playlist come on top. */
  anchors: () => readonly WallAnchor[];
  /** A recording, from this second on. Without it: live, near the edge. */
  replayFrom?: number;
}

/**
 * HlsSession watches over LL-HLS with hls.js, which is loaded only here; where media source extensions are missing, with
 * the browser's own player.
 */
export class HlsSession implements Session {
  readonly kind = 'hls';
  private hls: Hls | undefined;
  private details: LevelDetails | undefined;
  private playlistAnchors = new Map<number, WallAnchor>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly guard = new HangGuard();
  private edge = 0;
  private mediaErrors = 0;
  private closed = false;

  constructor(private readonly options: HlsOptions) {}

  async open(): Promise<void> {
    const { default: Hls } = await import('hls.js').catch(() => {
      throw new TransportError('failed', 'the player could not be loaded');
    });
    if (this.closed) throw new TransportError('failed', 'closed');
    const { video } = this.options;
    video.srcObject = null;
    // Chromium says "maybe" to HLS and then cannot play it: ask hls.js first.
    if (Hls.isSupported()) await this.openHls(Hls);
    else if (video.canPlayType('application/vnd.apple.mpegurl')) this.openNative();
    else throw new TransportError('unplayable', 'no HLS in this browser');
  }

  mediaTime(frame: FrameMetadata): MediaTime | undefined {
    const date = this.details
      ? fragmentDate(frame.mediaTime, this.details.fragments, this.details.fragmentHint)
      : this.nativeDate(frame.mediaTime);
    if (date === undefined) return undefined;
    return dateToMediaTime(date, [...this.options.anchors(), ...this.playlistAnchors.values()]);
  }

  toLive(): void {
    if (this.replay) return;
    const { video } = this.options;
    const edge = this.hls?.liveSyncPosition ?? (video.seekable.length > 0 ? video.seekable.end(0) - 1 : undefined);
    if (edge !== undefined && edge !== null && edge > video.currentTime + nearEdgeSeconds) video.currentTime = edge;
    video.playbackRate = 1;
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    const { video } = this.options;
    video.playbackRate = 1;
    if (this.hls) {
      this.hls.destroy();
      this.hls = undefined;
    } else if (video.hasAttribute('src')) {
      video.removeAttribute('src');
      video.load();
    }
  }

  private get replay(): boolean {
    return this.options.replayFrom !== undefined;
  }

  private openHls(Implementation: typeof Hls): Promise<void> {
    return new Promise((resolve, reject) => {
      const hls = new Implementation({
        ...config(this.options.token),
        ...(this.replay && { lowLatencyMode: false, maxBufferLength: 30, startPosition: this.options.replayFrom }),
      });
      this.hls = hls;
      const { Events } = Implementation;
      hls.on(Events.MANIFEST_PARSED, () => resolve());
      hls.on(Events.LEVEL_UPDATED, (_event, data) => this.onPlaylist(data.details));
      hls.on(Events.ERROR, (_event, data) => {
        if (!data.fatal) return;
        const error = toError(data.type, data.response?.code, data.details);
        reject(error);
        this.onFatal(data.type, error);
      });
      hls.loadSource(this.options.url);
      hls.attachMedia(this.options.video);
      // A recording has no edge to steer to, and waits where its viewer stops it.
      if (!this.replay) this.timer = setInterval(() => this.tick(), tickMilliseconds);
    });
  }

  private onPlaylist(details: LevelDetails): void {
    this.details = details;
    if (details.edge > this.edge) this.guard.playlistAdvanced(performance.now());
    this.edge = details.edge;
    for (const range of Object.values(details.dateRanges)) {
      if (range?.class !== 'live.hawker.anchor') continue;
      const mediaTime = Number(range.attr['X-MEDIA-TIME']);
      const wall = parseWall(range.attr['START-DATE'] ?? '');
      const generation = Number(/\d+/.exec(range.id)?.[0] ?? 0);
      if (Number.isFinite(mediaTime) && Number.isFinite(wall)) {
        this.playlistAnchors.set(generation, { generation, mediaTime, wall });
      }
    }
  }

  private tick(): void {
    const { hls, details } = this;
    const { video } = this.options;
    if (!hls || !details) return;
    const now = performance.now();
    const idle = video.paused || video.seeking || document.visibilityState === 'hidden';
    switch (this.guard.check(now, video.currentTime, idle)) {
      case 'reload':
        hls.stopLoad();
        hls.startLoad(-1);
        return;
      case 'seek':
        this.toLive();
        return;
      case 'rebuild':
        this.options.ended(new TransportError('failed', 'playback hung'));
        return;
    }
    if (idle || video.readyState < video.HAVE_FUTURE_DATA) return;
    const step = steer({
      latency: hls.latency,
      target: details.partTarget > 0 ? details.partHoldBack || 3 * details.partTarget : hls.targetLatency || 6,
      ahead: bufferedAhead(video),
      rate: video.playbackRate,
    });
    if (step.jump > 0) this.toLive();
    else if (step.rate !== video.playbackRate) video.playbackRate = step.rate;
  }

  private onFatal(type: string, error: TransportError): void {
    if (type === 'mediaError' && this.mediaErrors++ < 2) {
      this.hls?.recoverMediaError();
      return;
    }
    this.options.ended(error);
  }

  private openNative(): void {
    const { video, url } = this.options;
    video.addEventListener('error', this.onNativeError, { once: true });
    video.src = url;
  }

  private onNativeError = (): void => {
    if (!this.closed) this.options.ended(new TransportError('failed', `media error ${this.options.video.error?.code}`));
  };

  /** Safari names the date of the start of its timeline. */
  private nativeDate(seconds: number): number | undefined {
    const video = this.options.video as HTMLVideoElement & { getStartDate?: () => Date };
    const start = video.getStartDate?.().getTime();
    return start === undefined || Number.isNaN(start) ? undefined : start + seconds * 1000;
  }
}

function config(token: string | undefined): Partial<HlsConfig> {
  return {
    lowLatencyMode: true,
    // Ours steers: see latency.ts. liveSyncDurationCount is left alone, it would override PART-HOLD-BACK.
    maxLiveSyncPlaybackRate: 1,
    backBufferLength: 20,
    maxBufferLength: 10,
    enableWorker: true,
    workerPath: workerURL,
    xhrSetup: token ? (xhr: XMLHttpRequest) => xhr.setRequestHeader('Authorization', `Bearer ${token}`) : undefined,
  };
}

function toError(type: string, status: number | undefined, details: string): TransportError {
  if (status === 401 || status === 403) return new TransportError('refused', details);
  if (status === 404 || status === 409 || status === 410) return new TransportError('absent', details);
  return new TransportError(type === 'networkError' ? 'failed' : 'unplayable', details);
}

function bufferedAhead(video: HTMLVideoElement): number {
  for (let i = 0; i < video.buffered.length; i++) {
    if (video.buffered.start(i) <= video.currentTime + 0.05 && video.buffered.end(i) > video.currentTime) {
      return video.buffered.end(i) - video.currentTime;
    }
  }
  return 0;
}
