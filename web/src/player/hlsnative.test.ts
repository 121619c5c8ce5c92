import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NativeHlsSession, type HlsOptions } from './hlsnative';
import type { TransportError } from './session';

/** A video element as far as the session touches it, of a browser that plays HLS by itself. */
class FakeVideo extends EventTarget {
  attributes = new Map<string, string>();
  srcObject: unknown = {};
  currentTime = 12;
  error: { code: number } | null = null;
  seekable = { length: 1, end: () => 30, start: () => 0 };
  loads = 0;
  constructor(private readonly can: string) {
    super();
  }
  canPlayType = () => this.can;
  load = () => void this.loads++;
  set src(url: string) {
    this.attributes.set('src', url);
  }
  hasAttribute = (name: string) => this.attributes.has(name);
  removeAttribute = (name: string) => void this.attributes.delete(name);
  getStartDate = () => new Date(1_700_000_000_000);
}

function open(video: FakeVideo, more: Partial<HlsOptions> = {}) {
  const ended: TransportError[] = [];
  const session = new NativeHlsSession({
    video: video as unknown as HTMLVideoElement,
    url: '/hls/b/index.m3u8',
    anchors: () => [{ generation: 1, mediaTime: 5_000_000, wall: 1_700_000_000_000 }],
    ended: (error) => ended.push(error),
    ...more,
  });
  return { session, ended };
}

describe('HLS by the browser itself', () => {
  beforeEach(() => vi.stubGlobal('MediaError', { MEDIA_ERR_NETWORK: 2 }));
  afterEach(() => vi.unstubAllGlobals());

  it('is refused where the browser cannot', async () => {
    const { session } = open(new FakeVideo(''));
    await expect(session.open()).rejects.toMatchObject({ reason: 'unplayable' });
  });

  it('tells media time from the date of the start of the timeline', async () => {
    const { session } = open(new FakeVideo('maybe'));
    await session.open();
    session.attach();
    expect(session.mediaTime({ mediaTime: 2.5, presentedFrames: 1 })).toBe(7_500_000);
  });

  it('tells nothing before the browser knows the date', () => {
    const video = new FakeVideo('maybe');
    video.getStartDate = () => new Date(NaN);
    expect(open(video).session.mediaTime({ mediaTime: 2.5, presentedFrames: 1 })).toBeUndefined();
  });

  it('goes to the live edge, and stays in a recording', () => {
    const video = new FakeVideo('maybe');
    open(video).session.toLive();
    expect(video.currentTime).toBe(29);
    video.currentTime = 12;
    open(video, { replayFrom: 3 }).session.toLive();
    expect(video.currentTime).toBe(12);
  });

  it('says what an error means, and nothing after it was closed', () => {
    const video = new FakeVideo('maybe');
    const { session, ended } = open(video);
    session.attach();
    video.error = { code: 2 };
    video.dispatchEvent(new Event('error'));
    video.error = { code: 4 };
    video.dispatchEvent(new Event('error'));
    expect(ended.map((one) => one.reason)).toEqual(['failed', 'unplayable']);
    session.close();
    video.dispatchEvent(new Event('error'));
    expect(ended).toHaveLength(2);
    expect([video.hasAttribute('src'), video.loads]).toEqual([false, 1]);
  });
});
