import { RtpClock, parseMediaTimes, type MediaTime } from './mediatime';
import { TransportError, problemError, type FrameMetadata, type Session, type SessionOptions } from './session';

/** A connection that was cut may come back by itself for this long. */
const disconnectedMilliseconds = 2500;

/**
 * WhepSession watches over WebRTC. One POST carries the whole offer: the server is ICE-lite and learns our addresses
 * from our own checks, so nothing is trickled. The session stays while the publisher is away.
 */
export class WhepSession implements Session {
  readonly kind = 'whep';
  private pc: RTCPeerConnection | undefined;
  private location: string | undefined;
  private clock: RtpClock | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly abort = new AbortController();

  constructor(private readonly options: SessionOptions) {}

  async open(): Promise<void> {
    if (typeof RTCPeerConnection === 'undefined') throw new TransportError('unplayable', 'no WebRTC in this browser');
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.pc = pc;
    const stream = new MediaStream();
    pc.ontrack = ({ track, receiver }) => {
      // Live is worth more than smooth here; the server asks for the same with its playout-delay.
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
      stream.addTrack(track);
    };
    pc.onconnectionstatechange = () => this.onConnection(pc.connectionState);
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.addTransceiver('audio', { direction: 'recvonly' });
    await pc.setLocalDescription();
    const answer = await this.post(pc.localDescription!.sdp);
    const base = parseMediaTimes(answer).video;
    if (base) this.clock = new RtpClock(base);
    await pc.setRemoteDescription({ type: 'answer', sdp: answer });
    // A server that ends the session says so in DTLS; the connection's own state tells it only seconds later.
    const transport = pc.getReceivers()[0]?.transport;
    if (transport) {
      transport.onstatechange = () => {
        if (pc === this.pc && transport.state === 'closed') this.onConnection('closed');
      };
    }
    const { video } = this.options;
    video.removeAttribute('src');
    video.playbackRate = 1;
    video.srcObject = stream;
  }

  mediaTime(frame: FrameMetadata, at: number): MediaTime | undefined {
    if (frame.rtpTimestamp === undefined) return undefined;
    return this.clock?.mediaTime(frame.rtpTimestamp, at, this.options.liveEdge?.());
  }

  toLive(): void {
    // Always is: what was not shown in time is dropped.
  }

  close(): void {
    clearTimeout(this.timer);
    this.abort.abort();
    const { pc, location } = this;
    this.pc = undefined;
    this.location = undefined;
    if (pc) {
      pc.onconnectionstatechange = null;
      pc.close();
      if (this.options.video.srcObject) this.options.video.srcObject = null;
    }
    if (location) {
      // keepalive: the page may be leaving.
      void fetch(location, { method: 'DELETE', headers: this.headers(), keepalive: true }).catch(() => undefined);
    }
  }

  private async post(offer: string): Promise<string> {
    let response: Response;
    try {
      response = await fetch(this.options.url, {
        method: 'POST',
        headers: { ...this.headers(), 'Content-Type': 'application/sdp', Accept: 'application/sdp' },
        body: offer,
        signal: this.abort.signal,
      });
    } catch {
      throw new TransportError('failed', 'no answer from the server');
    }
    if (response.status !== 201) throw await problemError(response);
    const location = response.headers.get('Location');
    if (location) this.location = new URL(location, response.url).href;
    const answer = await response.text();
    if (this.abort.signal.aborted) {
      this.close();
      throw new TransportError('failed', 'closed');
    }
    return answer;
  }

  private headers(): Record<string, string> {
    return this.options.token ? { Authorization: `Bearer ${this.options.token}` } : {};
  }

  private onConnection(state: RTCPeerConnectionState): void {
    clearTimeout(this.timer);
    const end = () => this.options.ended(new TransportError('failed', `WebRTC ${state}`));
    if (state === 'failed' || state === 'closed') end();
    if (state === 'disconnected') this.timer = setTimeout(end, disconnectedMilliseconds);
  }
}
