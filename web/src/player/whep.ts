import { RtpClock, parseMediaTimes, type MediaTime } from './mediatime';
import { iceFragment, links, withFragment } from './sdp';
import {
  TransportError,
  problemError,
  type Counters,
  type FrameMetadata,
  type Quality,
  type Session,
  type SessionOptions,
} from './session';
import { WhepEvents, eventsRel, layerRel } from './whepevents';
import { readStats } from './whepstats';

/** A connection that was cut may come back by an ICE restart for this long. */
const restartMilliseconds = 3000;
const restartRetryMilliseconds = 300;
/** A connection that was cut is given this long to come back by itself. */
const disconnectedMilliseconds = 700;
/** How often is looked whether a first picture is decoded. */
const flowingMilliseconds = 40;
/** So long the sound is played for nobody beside the element that takes it over. */
const sinkMilliseconds = 300;
/** The server's events are asked for after the first picture: nothing comes before that. */
const eventsAfterMilliseconds = 1000;

export interface WhepOptions extends SessionOptions {
  /** The publisher is silent, or sends again. */
  onActive?: (active: boolean) => void;
  onViewers?: (count: number) => void;
}

/**
 * WhepSession watches over WebRTC. One POST carries the whole offer: the server is ICE-lite and learns our addresses
 * from our own checks, so nothing is trickled. The session stays while the publisher is away and while the network
 * changes: ICE is restarted then.
 */
export class WhepSession implements Session {
  readonly kind = 'whep';
  qualities: readonly Quality[] = [];
  private pc: RTCPeerConnection | undefined;
  private readonly stream = new MediaStream();
  private location: string | undefined;
  private layer: string | undefined;
  private answer = '';
  private clock: RtpClock | undefined;
  private events: WhepEvents | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private flowing: ReturnType<typeof setInterval> | undefined;
  private eventsTimer: ReturnType<typeof setTimeout> | undefined;
  private restarting = false;
  private attached = false;
  private sink: HTMLAudioElement | undefined;
  private readonly abort = new AbortController();

  constructor(private readonly options: WhepOptions) {}

  /** connected tells whether media can come: ICE and DTLS are done. */
  get connected(): boolean {
    return this.pc?.connectionState === 'connected';
  }

  async open(): Promise<void> {
    if (typeof RTCPeerConnection === 'undefined') throw new TransportError('unplayable', 'no WebRTC in this browser');
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.pc = pc;
    if (!this.attached) this.unheard(true);
    pc.ontrack = ({ track, receiver }) => {
      // Live is worth more than smooth here; the server asks for the same with its playout-delay.
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
      this.stream.addTrack(track);
    };
    pc.onconnectionstatechange = () => this.onConnection(pc.connectionState);
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.addTransceiver('audio', { direction: 'recvonly' });
    await pc.setLocalDescription();
    this.answer = await this.post(pc.localDescription!.sdp);
    const base = parseMediaTimes(this.answer).video;
    if (base) this.clock = new RtpClock(base);
    await pc.setRemoteDescription({ type: 'answer', sdp: this.answer });
    // A server that ends the session says so in DTLS; the connection's own state tells it only seconds later.
    const transport = pc.getReceivers()[0]?.transport;
    if (transport) {
      transport.onstatechange = () => {
        if (pc === this.pc && transport.state === 'closed') this.onConnection('closed');
      };
    }
    if (this.events) this.eventsTimer = setTimeout(() => void this.events?.open(), eventsAfterMilliseconds);
  }

  /** attach may come before open: whoever plays the sound is ready then when it comes, and none of it piles up. */
  attach(): void {
    const { video } = this.options;
    this.attached = true;
    video.removeAttribute('src');
    video.playbackRate = 1;
    video.srcObject = this.stream;
    setTimeout(() => this.unheard(false), sinkMilliseconds);
  }

  detach(): void {
    if (this.attached && this.options.video.srcObject === this.stream) this.options.video.srcObject = null;
    this.attached = false;
    if (this.pc) this.unheard(true);
  }

  /** unheard has the sound played without being heard: what nobody plays is kept, and is late when somebody does. */
  private unheard(on: boolean): void {
    if (on === (this.sink !== undefined)) return;
    if (on) {
      this.sink = new Audio();
      this.sink.muted = true;
      this.sink.srcObject = this.stream;
      this.sink.play().catch(() => undefined); // then it is only late
    } else if (this.sink) {
      this.sink.srcObject = null;
      this.sink = undefined;
    }
  }

  /** whenFlowing calls back once a picture is decoded, which can then be shown at once. */
  whenFlowing(flowing: () => void): void {
    clearInterval(this.flowing);
    this.flowing = setInterval(() => {
      if (!this.connected) return;
      void this.counters().then(({ frames }) => {
        if (this.flowing === undefined || !frames) return;
        clearInterval(this.flowing);
        this.flowing = undefined;
        if (this.pc) flowing();
      });
    }, flowingMilliseconds);
  }

  choose(quality: string | undefined): void {
    if (!this.layer) return;
    const mid = this.pc?.getTransceivers().find((one) => one.receiver.track.kind === 'video')?.mid ?? '0';
    // Without an encoding the server chooses again.
    const body = JSON.stringify(quality === undefined ? { mediaId: mid } : { mediaId: mid, encodingId: quality });
    const headers = { ...this.headers(), 'Content-Type': 'application/json' };
    void fetch(this.layer, { method: 'POST', headers, body, signal: this.abort.signal }).catch(() => undefined);
  }

  mediaTime(frame: FrameMetadata, at: number): MediaTime | undefined {
    const rtp = frame.rtpTimestamp ?? this.delivered();
    return rtp === undefined ? undefined : this.clock?.mediaTime(rtp, at, this.options.liveEdge?.());
  }

  /** delivered is the frame that was last handed to the page, where the browser does not name that of the callback. */
  private delivered(): number | undefined {
    const receiver = this.pc?.getReceivers().find((one) => one.track.kind === 'video');
    return receiver?.getSynchronizationSources?.()[0]?.rtpTimestamp;
  }

  toLive(): void {
    // Always is: what was not shown in time is dropped.
  }

  moved(): void {
    void this.restart();
  }

  async counters(): Promise<Counters> {
    return this.pc ? readStats(await this.pc.getStats()) : {};
  }

  close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.eventsTimer);
    clearInterval(this.flowing);
    this.abort.abort();
    this.events?.close();
    const { pc, location } = this;
    this.pc = undefined;
    this.detach();
    this.unheard(false);
    this.location = undefined;
    if (pc) {
      pc.onconnectionstatechange = null;
      pc.close();
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
    const extensions = links(response.headers.get('Link'), response.url);
    this.layer = extensions.get(layerRel);
    const events = extensions.get(eventsRel);
    if (events) this.events = new WhepEvents(events, this.listener());
    return answer;
  }

  private listener(): ConstructorParameters<typeof WhepEvents>[1] {
    return {
      active: (active) => this.options.onActive?.(active),
      viewers: (count) => this.options.onViewers?.(count),
      layers: (qualities) => {
        this.qualities = this.layer && qualities.length > 1 ? qualities : [];
        this.options.onQualities?.();
      },
      reconnect: (reason) => {
        const unplayable = /codec|frames/.test(reason);
        this.end(new TransportError(unplayable ? 'unplayable' : 'failed', reason || 'the server wants a new session'));
      },
    };
  }

  private headers(): Record<string, string> {
    return this.options.token ? { Authorization: `Bearer ${this.options.token}` } : {};
  }

  private onConnection(state: RTCPeerConnectionState): void {
    clearTimeout(this.timer);
    if (state === 'closed') this.end(new TransportError('failed', 'WebRTC closed'));
    // Without a network there is nowhere to find a way to: moved is called when there is one again.
    if (navigator.onLine === false) return;
    if (state === 'failed') void this.restart();
    if (state === 'disconnected') this.timer = setTimeout(() => void this.restart(), disconnectedMilliseconds);
  }

  /** restart finds the way to the server anew, keeping the session: the network may be another one now. */
  private async restart(): Promise<void> {
    const { pc, location } = this;
    if (!pc || !location || !this.answer || this.restarting) return;
    this.restarting = true;
    clearTimeout(this.timer);
    const until = performance.now() + restartMilliseconds;
    try {
      pc.restartIce();
      await pc.setLocalDescription();
      const fragment = iceFragment(pc.localDescription!.sdp);
      const answer = withFragment(this.answer, await this.patch(location, fragment ?? '', until));
      if (!answer) throw new TransportError('failed', 'an answer without credentials');
      this.answer = answer;
      await pc.setRemoteDescription({ type: 'answer', sdp: answer });
      // Where nothing was cut the state does not change.
      this.timer = setTimeout(
        () => {
          if (!this.connected) this.end(new TransportError('failed', 'the network is gone'));
        },
        Math.max(0, until - performance.now()),
      );
    } catch (cause) {
      this.end(new TransportError('failed', String(cause)));
    } finally {
      this.restarting = false;
    }
  }

  /** patch asks until there is an answer: a network that has just come needs a moment. */
  private async patch(location: string, fragment: string, until: number): Promise<string> {
    const headers = { ...this.headers(), 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
    for (;;) {
      const init = { method: 'PATCH', headers, body: fragment, signal: this.abort.signal };
      const response = await fetch(location, init).catch(() => undefined);
      if (response?.status === 200) return await response.text();
      if (response || this.abort.signal.aborted || performance.now() > until) {
        throw new TransportError('failed', `no new way to the server: ${response?.status ?? 'no answer'}`);
      }
      await new Promise((done) => setTimeout(done, restartRetryMilliseconds));
    }
  }

  private end(error: TransportError): void {
    if (this.pc) this.options.ended(error);
  }
}
