import type Hls from 'hls.js';
import type { HlsConfig } from 'hls.js';
import { TransportError } from './session';

/** hasMediaSource tells whether hls.js can play here; elsewhere the browser's own player may. */
export function hasMediaSource(): boolean {
  return 'MediaSource' in globalThis || 'ManagedMediaSource' in globalThis;
}

/** loadHls fetches hls.js, which nothing else needs. */
export async function loadHls(): Promise<typeof Hls> {
  try {
    return (await import('hls.js')).default;
  } catch {
    throw new TransportError('failed', 'the player could not be loaded');
  }
}

/** prepareHls fetches hls.js, so that it is there if it is needed. */
export function prepareHls(): void {
  if (hasMediaSource()) loadHls().catch(() => undefined);
}

/** How much a recording keeps ready. */
const replayBufferSeconds = 30;

/** hlsConfig is how hls.js plays: live near the edge, or a recording from a second on. */
export function hlsConfig(
  token: string | undefined,
  replayFrom: number | undefined,
  rewound: boolean,
): Partial<HlsConfig> {
  const replay = replayFrom !== undefined || rewound;
  return {
    lowLatencyMode: !replay,
    // Ours steers: see latency.ts. liveSyncDurationCount is left alone, it would override PART-HOLD-BACK.
    maxLiveSyncPlaybackRate: 1,
    // What comes is fragmented MP4 already: there is nothing to do on a thread of its own, and starting one costs time.
    enableWorker: false,
    startFragPrefetch: true,
    backBufferLength: 20,
    maxBufferLength: replay ? replayBufferSeconds : 10,
    capLevelToPlayerSize: true,
    ...(replayFrom !== undefined && { startPosition: replayFrom }),
    xhrSetup: token ? (xhr: XMLHttpRequest) => xhr.setRequestHeader('Authorization', `Bearer ${token}`) : undefined,
  };
}
