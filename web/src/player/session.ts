import type { MediaTime } from './mediatime';

export type TransportKind = 'whep' | 'hls';

/** What a transport can say when it ends or cannot begin. */
export class TransportError extends Error {
  constructor(
    /**
     * unplayable: this transport cannot carry this broadcast to this browser, another may. absent: nothing is on air
     * (yet). refused: the viewer may not watch. failed: the connection; worth trying again.
     */
    readonly reason: 'unplayable' | 'absent' | 'refused' | 'failed',
    message: string,
    /** Seconds after which the server wants to be asked again. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** FrameMetadata is what requestVideoFrameCallback says; rtpTimestamp only over WebRTC. */
export interface FrameMetadata {
  mediaTime: number;
  presentedFrames: number;
  width?: number;
  height?: number;
  rtpTimestamp?: number;
}

/** Quality is one picture size of a broadcast that has several. Its name is the same over every transport. */
export interface Quality {
  name: string;
  width?: number;
  height?: number;
  /** Bits per second. */
  bitrate?: number;
}

/** Counters are what a session has counted since it began, and what is true of it now. */
export interface Counters {
  /** What the media go over. */
  path?: 'udp' | 'tcp' | 'http';
  bytes?: number;
  width?: number;
  height?: number;
  frames?: number;
  dropped?: number;
  /** How often the picture stood still. */
  freezes?: number;
  /** Milliseconds of media that wait to be shown. */
  buffer?: number;
  /** Milliseconds by which the sound is ahead of the picture, where the browser tells. */
  skew?: number;
}

/** Span is a stretch of media time, and where in it the playback stands. */
export interface Span {
  from: MediaTime;
  to: MediaTime;
  at: MediaTime;
}

/** Session is one connection of one transport. It ends once: by close, or by ended. */
export interface Session {
  readonly kind: TransportKind;
  /** What the viewer can choose from; empty where there is one picture only. */
  readonly qualities: readonly Quality[];
  /** open connects; it rejects with a TransportError. */
  open(): Promise<void>;
  /** attach shows it in the video element; detach leaves the element to another session. */
  attach(): void;
  detach(): void;
  /** choose asks for one quality, or leaves the choice to the transport. */
  choose(quality: string | undefined): void;
  /** mediaTime of a frame that is being presented; at is a monotonic time in milliseconds. */
  mediaTime(frame: FrameMetadata, at: number): MediaTime | undefined;
  /** span is what can be watched now, from its first frame to its last, where the transport can go back. */
  span?(): Span | undefined;
  /** seek goes to the frame of a media time. */
  seek?(to: MediaTime): void;
  /** toLive goes to the live edge, after sleep or a long stall. */
  toLive(): void;
  /** moved says that the network may be another one now, or that the device slept. */
  moved(): void;
  counters(): Promise<Counters>;
  close(): void;
}

export interface SessionOptions {
  video: HTMLVideoElement;
  url: string;
  /** Sent as bearer token where watching is restricted. */
  token?: string;
  /** Media time at the live edge, where the page knows it. */
  liveEdge?: () => MediaTime | undefined;
  /** The connection is over and will not come back by itself. */
  ended: (error: TransportError) => void;
  /** The qualities to choose from have changed. */
  onQualities?: () => void;
}

/** problemError reads the answer of a server that refused: RFC 9457 where it speaks it. */
export async function problemError(response: Response): Promise<TransportError> {
  let code = '';
  if (response.headers.get('Content-Type')?.includes('json')) {
    const problem = (await response.json().catch(() => ({}))) as { code?: string; type?: string };
    code = problem.code ?? problem.type?.split('/').pop() ?? '';
  }
  const after = Number(response.headers.get('Retry-After'));
  const reason = refusal(response.status, code);
  return new TransportError(reason, code || `HTTP ${response.status}`, after > 0 ? after : undefined);
}

/** refusal says what a status means for the player: whether to wait, to give up or to try the other transport. */
export function refusal(status: number, code: string): TransportError['reason'] {
  if (status === 401 || status === 403) return 'refused';
  if (status === 404 || status === 410) return 'absent';
  if (status === 409) return /not-live|not-on-air|offline|no-publisher/.test(code) ? 'absent' : 'unplayable';
  if (status === 429 || status >= 500) return 'failed';
  return 'unplayable';
}
