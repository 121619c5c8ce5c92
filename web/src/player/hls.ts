import type Hls from 'hls.js';
import type { Level, LevelDetails } from 'hls.js';
import { hlsConfig, loadHls } from './hlsload';
import { bufferedAhead, elementCounters, type HlsOptions } from './hlsnative';
import { HangGuard, steer } from './latency';
import {
  dateToMediaTime,
  fragmentDate,
  mediaTimeToSeconds,
  parseWall,
  type MediaTime,
  type WallAnchor,
} from './mediatime';
import { Newcomers } from './newcomers';
import { Resume } from './resume';
import { TransportError, type Counters, type FrameMetadata, type Quality, type Session, type Span } from './session';

/** How often the latency is steered and a hang looked for. */
const tickMilliseconds = 250;
/** Nearer to the edge than this a seek would only cost a stall. */
const nearEdgeSeconds = 0.5;
/** A media error is recovered from so often before another transport is tried. */
const mediaErrorsMax = 2;

/** HlsSession watches over LL-HLS or HLS with hls.js, which is loaded only here. */
export class HlsSession implements Session {
  readonly kind = 'hls';
  qualities: readonly Quality[] = [];
  private hls: Hls | undefined;
  private details: LevelDetails | undefined;
  private playlistAnchors = new Map<number, WallAnchor>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly guard = new HangGuard();
  private readonly newcomers = new Newcomers();
  private readonly resume: Resume;
  private found = false;
  private edge = 0;
  private bytes = 0;
  private freezes = 0;
  private mediaErrors = 0;
  private closed = false;
  private chosen: string | undefined;

  constructor(private readonly options: HlsOptions) {
    this.resume = new Resume(options.video);
  }

  async open(): Promise<void> {
    const Implementation = await loadHls();
    if (this.closed) throw new TransportError('failed', 'closed');
    if (!Implementation.isSupported()) throw new TransportError('unplayable', 'no HLS in this browser');
    this.start(Implementation);
  }

  attach(): void {
    const { video } = this.options;
    video.srcObject = null;
    video.addEventListener('waiting', this.onWaiting);
    this.hls?.attachMedia(video);
    // A recording has no edge to steer to, and waits where its viewer stops it; so does what was wound back.
    if (!this.own) this.timer = setInterval(() => this.tick(), tickMilliseconds);
  }

  detach(): void {
    const { video } = this.options;
    clearInterval(this.timer);
    this.resume.stop();
    video.removeEventListener('waiting', this.onWaiting);
    video.playbackRate = 1;
    this.hls?.detachMedia();
  }

  choose(quality: string | undefined): void {
    this.chosen = quality;
    if (!this.hls) return;
    const level = quality === undefined ? -1 : this.qualities.findIndex((one) => one.name === quality);
    if (this.hls.nextLevel !== level) this.hls.nextLevel = level;
  }

  mediaTime(frame: FrameMetadata): MediaTime | undefined {
    return this.mediaTimeAt(frame.mediaTime);
  }

  span(): Span | undefined {
    const { details } = this;
    if (!details) return undefined;
    const from = this.mediaTimeAt(details.fragments[0]?.start ?? 0);
    const to = this.mediaTimeAt(details.edge);
    const at = this.mediaTimeAt(this.options.video.currentTime) ?? from;
    return from === undefined || to === undefined || at === undefined ? undefined : { from, to, at };
  }

  seek(to: MediaTime): void {
    const seconds = this.secondsOf(to);
    if (seconds !== undefined) this.options.video.currentTime = seconds;
  }

  toLive(): void {
    if (this.own) return;
    const { video } = this.options;
    const edge = this.hls?.liveSyncPosition;
    if (edge !== undefined && edge !== null && edge > video.currentTime + nearEdgeSeconds) video.currentTime = edge;
    video.playbackRate = 1;
  }

  /** A request that hangs in the old network is given up. */
  moved(): void {
    if (this.own || !this.hls) return;
    this.hls.stopLoad();
    this.hls.startLoad(-1);
  }

  counters(): Promise<Counters> {
    return Promise.resolve({ ...elementCounters(this.options.video), bytes: this.bytes, freezes: this.freezes });
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    this.resume.stop();
    this.options.video.removeEventListener('waiting', this.onWaiting);
    this.options.video.playbackRate = 1;
    this.hls?.destroy();
    this.hls = undefined;
  }

  /** own: the viewer says where it plays and when it stands still. */
  private get own(): boolean {
    return this.options.replayFrom !== undefined || this.options.rewindTo !== undefined;
  }

  private get anchors(): WallAnchor[] {
    return [...this.options.anchors(), ...this.playlistAnchors.values()];
  }

  private mediaTimeAt(seconds: number): MediaTime | undefined {
    const date = this.details && fragmentDate(seconds, this.details.fragments, this.details.fragmentHint);
    return date === undefined ? undefined : dateToMediaTime(date, this.anchors);
  }

  private secondsOf(at: MediaTime): number | undefined {
    const { details } = this;
    if (!details) return undefined;
    const seconds = mediaTimeToSeconds(at, details.fragments, this.anchors);
    return seconds && Math.min(seconds, Math.max(details.fragmentStart, details.edge - details.targetduration));
  }

  private start(Implementation: typeof Hls): void {
    const hls = new Implementation(hlsConfig(this.options.token, this.options.replayFrom, this.own));
    this.hls = hls;
    const { Events } = Implementation;
    hls.on(Events.MANIFEST_PARSED, (_event, data) => this.onLevels(data.levels));
    hls.on(Events.LEVEL_UPDATED, (_event, data) => this.onPlaylist(data.details));
    hls.on(Events.FRAG_LOADED, (_event, data) => void (this.bytes += data.payload.byteLength));
    hls.on(Events.ERROR, (_event, data) => {
      if (data.fatal) this.onFatal(data.type, toError(data.type, data.response?.code, data.details));
    });
    hls.loadSource(this.options.url);
  }

  /** renew reads the multivariant playlist again: hls.js does so only from the beginning. */
  private renew(): void {
    this.options.onRenew?.();
    this.details = undefined;
    this.hls?.loadSource(this.options.url);
  }

  private onLevels(levels: readonly Level[]): void {
    const found = levels.map((level) => ({
      name: levelName(level.uri ?? level.url[0] ?? ''),
      width: level.width || undefined,
      height: level.height || undefined,
      bitrate: level.bitrate || undefined,
    }));
    this.qualities = found.length > 1 ? found : [];
    this.newcomers.known(found.map((one) => one.name));
    if (this.chosen !== undefined) this.choose(this.chosen);
    this.options.onQualities?.();
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
    if (this.options.rewindTo !== undefined) this.find(this.options.rewindTo);
    if (this.own) return;
    const named = details.renditionReports?.map((report) => levelName(report['URI'] ?? '')) ?? [];
    if (this.newcomers.named(named, performance.now())) this.renew();
  }

  /** find begins at the frame that was asked for, as soon as the first playlist says where it lies. */
  private find(to: MediaTime): void {
    if (this.found) return;
    this.found = true;
    const seconds = this.secondsOf(to);
    if (seconds !== undefined) this.hls?.startLoad(seconds);
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
    if (type === 'mediaError' && this.mediaErrors++ < mediaErrorsMax) {
      this.hls?.recoverMediaError();
      return;
    }
    this.options.ended(error);
  }

  private onWaiting = (): void => {
    this.freezes++;
    if (!this.own) this.resume.stalled();
  };
}

/** levelName is a rendition's name: that of its playlist, such as 720p for …/720p.m3u8. */
export function levelName(uri: string): string {
  return /([^/?]+?)\.m3u8(?:\?|$)/.exec(uri)?.[1] ?? uri;
}

function toError(type: string, status: number | undefined, details: string): TransportError {
  if (status === 401 || status === 403) return new TransportError('refused', details);
  if (status === 404 || status === 409 || status === 410) return new TransportError('absent', details);
  return new TransportError(type === 'networkError' ? 'failed' : 'unplayable', details);
}
