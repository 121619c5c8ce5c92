import type { MediaTime } from './mediatime';
import type { FrameMetadata, Session } from './session';

/** Frame is one picture as it is presented. */
export interface Frame {
  mediaTime: MediaTime;
  presentedFrames: number;
  at: number;
}

/**
 * FrameClock tells the media time of each frame that the video element presents, whichever transport brings it. It calls
 * back inside the rendering of that very frame: what is drawn then appears with it.
 */
export class FrameClock {
  private handle: number | undefined;
  private animation: number | undefined;
  private session: Session | undefined;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly onFrame: (frame: Frame) => void,
    /** Any frame, also one whose media time is not known. */
    private readonly onPicture: () => void,
  ) {}

  start(session: Session): void {
    this.stop();
    this.session = session;
    if ('requestVideoFrameCallback' in this.video) this.request();
    else this.animate();
  }

  stop(): void {
    this.session = undefined;
    if (this.handle !== undefined) this.video.cancelVideoFrameCallback(this.handle);
    if (this.animation !== undefined) cancelAnimationFrame(this.animation);
    this.handle = this.animation = undefined;
  }

  private request(): void {
    this.handle = this.video.requestVideoFrameCallback((now, metadata) => {
      if (!this.session) return;
      this.request();
      this.present(metadata as FrameMetadata, now);
    });
  }

  /** Browsers without frame callbacks: the playback time at each repaint, right to a frame or two. */
  private animate(): void {
    let last = -1;
    const step = (now: number) => {
      if (!this.session) return;
      this.animation = requestAnimationFrame(step);
      if (this.video.currentTime === last) return;
      last = this.video.currentTime;
      this.present({ mediaTime: last, presentedFrames: 0 }, now);
    };
    this.animation = requestAnimationFrame(step);
  }

  private present(metadata: FrameMetadata, now: number): void {
    this.onPicture();
    const mediaTime = this.session?.mediaTime(metadata, now);
    if (mediaTime !== undefined) this.onFrame({ mediaTime, presentedFrames: metadata.presentedFrames, at: now });
  }
}
