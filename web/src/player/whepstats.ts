import type { Counters } from './session';

interface Inbound {
  type: string;
  kind?: string;
  bytesReceived?: number;
  frameWidth?: number;
  frameHeight?: number;
  framesDecoded?: number;
  framesDropped?: number;
  freezeCount?: number;
  jitterBufferDelay?: number;
  jitterBufferEmittedCount?: number;
  estimatedPlayoutTimestamp?: number;
  localCandidateId?: string;
  protocol?: string;
  nominated?: boolean;
  state?: string;
}

/** readStats reads what a peer connection that only receives has counted. */
export function readStats(report: Pick<RTCStatsReport, 'forEach' | 'get'>): Counters {
  const out: Counters = {};
  const inbound: Inbound[] = [];
  report.forEach((raw: unknown) => {
    const one = raw as Inbound;
    if (one.type === 'inbound-rtp') inbound.push(one);
    if (one.type === 'candidate-pair' && one.nominated && one.state === 'succeeded' && one.localCandidateId) {
      const local = report.get(one.localCandidateId) as Inbound | undefined;
      out.path = local?.protocol === 'tcp' ? 'tcp' : 'udp';
    }
  });
  const video = inbound.find((one) => one.kind === 'video');
  const audio = inbound.find((one) => one.kind === 'audio');
  if (!video) return out;
  out.bytes = (video.bytesReceived ?? 0) + (audio?.bytesReceived ?? 0);
  out.width = video.frameWidth;
  out.height = video.frameHeight;
  out.frames = video.framesDecoded;
  out.dropped = video.framesDropped;
  out.freezes = video.freezeCount;
  if (video.jitterBufferDelay !== undefined && video.jitterBufferEmittedCount) {
    out.buffer = (video.jitterBufferDelay / video.jitterBufferEmittedCount) * 1000;
  }
  const [seen, heard] = [video.estimatedPlayoutTimestamp, audio?.estimatedPlayoutTimestamp];
  if (seen && heard) out.skew = heard - seen;
  return out;
}
