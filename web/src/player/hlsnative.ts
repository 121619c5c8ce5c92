import { dateToMediaTime, mediaTimeToSeconds, type MediaTime, type WallAnchor } from './mediatime';
import {
  TransportError,
  type Counters,
  type FrameMetadata,
  type Quality,
  type Session,
  type SessionOptions,
  type Span,
} from './session';

export interface HlsOptions extends SessionOptions {
  /** Anchors known from elsewhere; those in the playlist come on top. */
  anchors: () => readonly WallAnchor[];
  /** A recording, from this second on. Without it: live, near the edge. */
  replayFrom?: number;
  /** A broadcast that its viewer winds back and a recording alike: from this frame on. */
  rewindTo?: MediaTime;
  /** The picture goes away for a moment, because what there is to choose from has changed. */
  onRenew?: () => void;
}

/** Nearer to the edge than this a seek would only cost a stall. */
const nearEdgeSeconds = 0.5;
/** Where the browser plays by itself, the live edge that can be shown lies about so far before what it could seek to. */
const nativeEdgeSeconds = 1;

/** bufferedAhead is how many seconds lie ready. */
export function bufferedAhead(video: Pick<HTMLVideoElement, 'buffered' | 'currentTime'>): number {
  for (let i = 0; i < video.buffered.length; i++) {
    if (video.buffered.start(i) <= video.currentTime + 0.05 && video.buffered.end(i) > video.currentTime) {
      return video.buffered.end(i) - video.currentTime;
    }
  }
  return 0;
}

/** elementCounters is what a video element counts by itself. */
export function elementCounters(video: HTMLVideoElement): Counters {
  const quality = video.getVideoPlaybackQuality?.();
  return {
    path: 'http',
    width: video.videoWidth || undefined,
    height: video.videoHeight || undefined,
    frames: quality?.totalVideoFrames,
    dropped: quality?.droppedVideoFrames,
    buffer: bufferedAhead(video) * 1000,
  };
}

/** NativeHlsSession leaves HLS to the browser's own player, where media source extensions are missing. */
export class NativeHlsSession implements Session {
  readonly kind = 'hls';
  readonly qualities: readonly Quality[] = []; // the browser chooses
  private closed = false;
  private freezes = 0;

  constructor(private readonly options: HlsOptions) {}

  open(): Promise<void> {
    const { video } = this.options;
    if (!video.canPlayType('application/vnd.apple.mpegurl')) {
      return Promise.reject(new TransportError('unplayable', 'no HLS in this browser'));
    }
    return Promise.resolve();
  }

  attach(): void {
    const { video, url, replayFrom } = this.options;
    video.srcObject = null;
    video.addEventListener('error', this.onError);
    video.addEventListener('waiting', this.onWaiting);
    video.src = url;
    if (replayFrom) video.currentTime = replayFrom;
    video.addEventListener('loadedmetadata', this.onLoaded);
  }

  detach(): void {
    const { video } = this.options;
    video.removeEventListener('error', this.onError);
    video.removeEventListener('waiting', this.onWaiting);
    video.removeEventListener('loadedmetadata', this.onLoaded);
    if (!video.hasAttribute('src')) return;
    video.removeAttribute('src');
    video.load();
  }

  choose(): void {
    // The browser's own player takes no wishes.
  }

  /** Safari names the date of the start of its timeline. */
  mediaTime(frame: FrameMetadata): MediaTime | undefined {
    const start = this.startDate;
    return start === undefined ? undefined : dateToMediaTime(start + frame.mediaTime * 1000, this.options.anchors());
  }

  span(): Span | undefined {
    const { seekable, currentTime } = this.options.video;
    const start = this.startDate;
    if (seekable.length === 0 || start === undefined) return undefined;
    const of = (seconds: number) => dateToMediaTime(start + seconds * 1000, this.options.anchors());
    const [from, to, at] = [of(seekable.start(0)), of(seekable.end(seekable.length - 1)), of(currentTime)];
    return from === undefined || to === undefined || at === undefined ? undefined : { from, to, at };
  }

  seek(to: MediaTime): void {
    const start = this.startDate;
    const anchors = this.options.anchors();
    if (start === undefined) return;
    const stretches = anchors.map(({ wall }) => ({ start: (wall - start) / 1000, programDateTime: wall }));
    stretches.sort((a, b) => a.start - b.start);
    const seconds = mediaTimeToSeconds(to, stretches, anchors);
    if (seconds !== undefined) this.options.video.currentTime = Math.max(0, seconds);
  }

  private get startDate(): number | undefined {
    const video = this.options.video as HTMLVideoElement & { getStartDate?: () => Date };
    const start = video.getStartDate?.().getTime();
    return start === undefined || Number.isNaN(start) ? undefined : start;
  }

  toLive(): void {
    const { video, replayFrom, rewindTo } = this.options;
    if (replayFrom !== undefined || rewindTo !== undefined || video.seekable.length === 0) return;
    const edge = video.seekable.end(video.seekable.length - 1) - nativeEdgeSeconds;
    if (edge > video.currentTime + nearEdgeSeconds) video.currentTime = edge;
  }

  moved(): void {
    // Its requests find the new network by themselves.
  }

  counters(): Promise<Counters> {
    return Promise.resolve({ ...elementCounters(this.options.video), freezes: this.freezes });
  }

  close(): void {
    this.closed = true;
    this.detach();
  }

  private onLoaded = (): void => {
    if (this.options.rewindTo !== undefined) this.seek(this.options.rewindTo);
  };

  private onWaiting = (): void => void this.freezes++;

  private onError = (): void => {
    const code = this.options.video.error?.code;
    const reason = code === MediaError.MEDIA_ERR_NETWORK ? 'failed' : 'unplayable';
    if (!this.closed) this.options.ended(new TransportError(reason, `media error ${code}`));
  };
}
