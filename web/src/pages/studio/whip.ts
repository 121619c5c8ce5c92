import { ApiError } from '../../api/client';
import { backoff } from '../../feed/position';

// Going live from the browser: one WebRTC connection up, by WHIP (RFC 9725). Knows no Preact.

export type PublishState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'failed';
export type PublishFailure = 'role' | 'resting' | 'codec' | 'network' | 'refused';

export interface PublishFigures {
  bitrate: number;
  frameRate: number;
  roundTrip?: number;
  /** What holds the picture back: "cpu", "bandwidth", or nothing. */
  limitedBy?: string;
}

interface Options {
  endpoint: string;
  /** Asks for leave to go live; each attempt does, since leave is short. */
  token: () => Promise<string>;
  stream: MediaStream;
  onState: (state: PublishState, failure?: PublishFailure) => void;
  onFigures: (figures: PublishFigures) => void;
}

/** A connection that is only disturbed gets this long to mend itself. */
const disturbedMilliseconds = 4000;
/** How long one attempt may take before the next. */
const attemptMilliseconds = 12_000;
/** How long the server may take to hear that we leave. */
const goodbyeMilliseconds = 1000;
const bitrateMax = 2_800_000;
/** Readings in a row that tell of too little computing power, before smaller layers are given up. */
const strainedReadings = 3;

/** A session on the server, and what it is ended with. */
interface Session {
  url: string;
  token: string;
}

class Refusal extends Error {
  constructor(
    readonly failure: PublishFailure,
    readonly final: boolean,
  ) {
    super(failure);
  }
}

/** Publisher keeps a stream on air until it is stopped: what breaks is tried again, what is refused is told. */
export class Publisher {
  private connection: RTCPeerConnection | undefined;
  private session: Session | undefined;
  private attempt = 0;
  private everLive = false;
  private stopped = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private figuresTimer: ReturnType<typeof setInterval> | undefined;
  private sent = { bytes: 0, frames: 0, at: 0 };
  private strained = 0;
  private single = false;

  constructor(private readonly options: Options) {}

  start(): void {
    addEventListener('online', this.onOnline);
    this.figuresTimer = setInterval(() => void this.readFigures(), 2000);
    void this.connect();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    clearInterval(this.figuresTimer);
    removeEventListener('online', this.onOnline);
    await this.hangUp();
    this.options.onState('idle');
  }

  /** replace puts another camera or microphone in the place of the one before: viewers see no cut. */
  async replace(track: MediaStreamTrack): Promise<void> {
    const sender = this.connection?.getSenders().find((one) => one.track?.kind === track.kind);
    await sender?.replaceTrack(track);
  }

  private async connect(): Promise<void> {
    if (this.stopped) return;
    this.options.onState(this.everLive ? 'reconnecting' : 'connecting');
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.connection = connection;
    connection.onconnectionstatechange = () => this.onConnection(connection);
    this.arm(attemptMilliseconds, () => this.retry());
    try {
      await this.offer(connection);
    } catch (error) {
      if (connection !== this.connection) return;
      if (error instanceof Refusal && error.final) {
        await this.hangUp();
        clearTimeout(this.timer);
        this.options.onState('failed', error.failure);
      } else this.retry();
    }
  }

  private async offer(connection: RTCPeerConnection): Promise<void> {
    for (const track of this.options.stream.getTracks()) {
      const sendEncodings =
        track.kind === 'video' && !this.single ? layersFor(track.getSettings(), navigator.hardwareConcurrency) : [];
      const transceiver = connection.addTransceiver(track, {
        direction: 'sendonly',
        streams: [this.options.stream],
        ...(sendEncodings.length > 0 && { sendEncodings }),
      });
      const codecs = RTCRtpSender.getCapabilities(track.kind)?.codecs ?? [];
      const wanted = track.kind === 'video' ? preferH264(codecs) : codecs;
      if (track.kind === 'video' && wanted.length === 0) throw new Refusal('codec', true);
      if (track.kind === 'video') transceiver.setCodecPreferences(wanted);
    }
    await connection.setLocalDescription();
    await gathered(connection, 600);
    const token = await this.leave();
    const response = await this.post(connection.localDescription!.sdp, token);
    const answer = await response.text();
    const location = response.headers.get('Location');
    const session = location
      ? { url: new URL(location, new URL(this.options.endpoint, document.baseURI)).href, token }
      : undefined;
    if (connection !== this.connection || this.stopped) {
      if (session) void this.hangUpSession(session);
      return;
    }
    this.session = session;
    await connection.setRemoteDescription({ type: 'answer', sdp: answer });
    for (const sender of connection.getSenders()) await setLimits(sender).catch(() => undefined);
  }

  private async leave(): Promise<string> {
    try {
      return await this.options.token();
    } catch (error) {
      const final = error instanceof ApiError && [401, 403, 404].includes(error.status);
      throw new Refusal(final ? 'role' : 'network', final);
    }
  }

  private async post(sdp: string, token: string): Promise<Response> {
    const response = await fetch(this.options.endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` },
      body: sdp,
      credentials: 'omit',
      signal: AbortSignal.timeout(attemptMilliseconds),
    });
    if (response.ok) return response;
    if (response.status === 401 || response.status === 403) throw new Refusal('role', true);
    if (response.status === 409) throw new Refusal('resting', true);
    if ([400, 406, 415, 422].includes(response.status)) throw new Refusal('codec', true);
    throw new Refusal('refused', response.status < 500 && response.status !== 429);
  }

  private onConnection(connection: RTCPeerConnection): void {
    if (connection !== this.connection || this.stopped) return;
    switch (connection.connectionState) {
      case 'connected':
        clearTimeout(this.timer);
        this.attempt = 0;
        this.everLive = true;
        this.options.onState('live');
        return;
      case 'disconnected':
        this.options.onState('reconnecting');
        this.arm(disturbedMilliseconds, () => this.retry());
        return;
      case 'failed':
        this.retry();
    }
  }

  private retry(): void {
    if (this.stopped) return;
    this.options.onState(this.everLive ? 'reconnecting' : 'connecting');
    void this.hangUp();
    this.arm(backoff(this.attempt++), () => void this.connect());
  }

  private onOnline = (): void => {
    if (this.connection?.connectionState === 'connected') return;
    this.attempt = 0;
    this.retry();
  };

  private arm(milliseconds: number, then: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(then, milliseconds);
  }

  private async hangUp(): Promise<void> {
    const { connection, session } = this;
    this.connection = undefined;
    this.session = undefined;
    // Said first: a connection that closes ends the session too, and then there is nothing left to end.
    if (session) await Promise.race([this.hangUpSession(session), wait(goodbyeMilliseconds)]);
    connection?.close();
  }

  private async hangUpSession({ url, token }: Session): Promise<void> {
    await fetch(url, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${token}` },
      credentials: 'omit',
      keepalive: true,
    }).catch(() => undefined); // it ends by itself when nothing comes any more
  }

  private async readFigures(): Promise<void> {
    const report = await this.connection?.getStats();
    if (!report) return;
    const now = sentOf(report);
    const seconds = (now.at - this.sent.at) / 1000;
    if (this.sent.at > 0 && seconds > 0 && now.bytes >= this.sent.bytes) {
      this.options.onFigures({
        bitrate: ((now.bytes - this.sent.bytes) * 8) / seconds,
        frameRate: Math.max(0, now.frames - this.sent.frames) / seconds,
        roundTrip: roundTripOf(report),
        limitedBy: now.limited,
      });
    }
    this.sent = now;
    this.strained = now.limited === 'cpu' ? this.strained + 1 : 0;
    if (this.strained >= strainedReadings && !this.single) await this.sendOne();
  }

  /** sendOne gives the smaller layers up: this machine cannot make them beside the first. */
  private async sendOne(): Promise<void> {
    this.single = true;
    for (const sender of this.connection?.getSenders() ?? []) {
      const parameters = sender.getParameters();
      if ((parameters.encodings?.length ?? 0) < 2) continue;
      parameters.encodings.forEach((encoding, index) => (encoding.active = index === 0));
      await sender.setParameters(parameters).catch(() => undefined); // it goes on as it was
    }
  }
}

/** sentOf sums up what all layers have sent; pictures and what holds them back are the largest layer's. */
export function sentOf(report: { forEach(f: (one: Record<string, unknown>) => void): void }): {
  bytes: number;
  frames: number;
  at: number;
  limited: 'cpu' | 'bandwidth' | undefined;
} {
  const out = { bytes: 0, frames: 0, at: 0, limited: undefined as 'cpu' | 'bandwidth' | undefined };
  let widest = -1;
  report.forEach((one) => {
    if (one['type'] !== 'outbound-rtp' || one['kind'] !== 'video') return;
    out.bytes += Number(one['bytesSent'] ?? 0);
    out.at = Math.max(out.at, Number(one['timestamp']));
    const width = Number(one['frameWidth'] ?? 0);
    if (width <= widest) return;
    widest = width;
    out.frames = Number(one['framesSent'] ?? 0);
    const limited = one['qualityLimitationReason'];
    out.limited = limited === 'cpu' || limited === 'bandwidth' ? limited : undefined;
  });
  return out;
}

/**
 * layersFor are the sizes in which a camera's picture is sent, the largest first: none where one is all that the picture
 * or the machine allows.
 */
export function layersFor(picture: { width?: number; height?: number }, cores = 1): RTCRtpEncodingParameters[] {
  const lines = Math.min(picture.width ?? 0, picture.height ?? 0);
  if (cores < 4 || lines < 480) return [];
  const layers: RTCRtpEncodingParameters[] = [
    { rid: 'h', maxBitrate: bitrateMax },
    { rid: 'm', maxBitrate: 800_000, scaleResolutionDownBy: 2 },
    { rid: 'l', maxBitrate: 250_000, scaleResolutionDownBy: 4 },
  ];
  return lines < 720 || cores < 6 ? layers.slice(0, 2) : layers;
}

function roundTripOf(report: RTCStatsReport): number | undefined {
  let found: number | undefined;
  report.forEach((one: Record<string, unknown>) => {
    if (one['type'] === 'remote-inbound-rtp' && typeof one['roundTripTime'] === 'number') found = one['roundTripTime'];
  });
  return found;
}

/**
 * preferH264 leaves H.264 and what repairs it: it goes to every viewer as it is. Constrained baseline comes first, it
 * has no frames that refer forward. The list is empty where the browser cannot send it.
 */
export function preferH264<C extends { mimeType: string; sdpFmtpLine?: string }>(codecs: readonly C[]): C[] {
  const h264 = codecs.filter((codec) => codec.mimeType.toLowerCase() === 'video/h264');
  if (h264.length === 0) return [];
  const rank = (codec: C) => {
    const line = codec.sdpFmtpLine ?? '';
    const whole = line.includes('packetization-mode=1') ? 0 : 4;
    return whole + (/profile-level-id=42e0/i.test(line) ? 0 : /profile-level-id=42/i.test(line) ? 1 : 2);
  };
  const repair = codecs.filter((codec) => /^video\/(rtx|red|ulpfec)$/i.test(codec.mimeType));
  return [...h264.sort((a, b) => rank(a) - rank(b)), ...repair];
}

/** setLimits keeps the picture's size: another size is another stream for everybody who records or packages it. */
async function setLimits(sender: RTCRtpSender): Promise<void> {
  if (sender.track?.kind !== 'video') return;
  const parameters: RTCRtpSendParameters & { degradationPreference?: string } = sender.getParameters();
  parameters.degradationPreference = 'maintain-resolution';
  for (const encoding of parameters.encodings ?? []) encoding.maxBitrate ??= bitrateMax;
  await sender.setParameters(parameters);
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** gathered waits until all candidates are in the offer, but no longer than milliseconds. */
function gathered(connection: RTCPeerConnection, milliseconds: number): Promise<void> {
  if (connection.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve();
    });
  });
}
