/** The copy of a picture is at most this wide: it is seen for a moment. */
const widthMax = 960;

/**
 * Cover lays a copy of the last picture over the video while another source takes over, so that no black is seen
 * between two of them.
 */
export class Cover {
  private canvas: HTMLCanvasElement | undefined;

  constructor(private readonly video: HTMLVideoElement) {}

  /** show copies what is on the screen now; without a picture it does nothing. */
  show(): void {
    const { video } = this;
    if (this.canvas || !video.parentNode || video.videoWidth === 0 || video.readyState < video.HAVE_CURRENT_DATA)
      return;
    const canvas = document.createElement('canvas');
    const scale = Math.min(1, widthMax / video.videoWidth);
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
    canvas.setAttribute('aria-hidden', 'true');
    const { objectFit, objectPosition } = getComputedStyle(video);
    Object.assign(canvas.style, {
      position: 'absolute',
      left: `${video.offsetLeft}px`,
      top: `${video.offsetTop}px`,
      width: `${video.offsetWidth}px`,
      height: `${video.offsetHeight}px`,
      objectFit,
      objectPosition,
      pointerEvents: 'none',
    });
    video.after(canvas);
    this.canvas = canvas;
  }

  hide(): void {
    this.canvas?.remove();
    this.canvas = undefined;
  }
}
