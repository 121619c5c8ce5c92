import { describe, expect, test } from 'vitest';
import type { Transport } from '../api/types';
import { WayBack, progressOf } from './past';

const live: Transport = { kind: 'hls', url: '/hls/b/index.m3u8' };
const rewindable: Transport = { ...live, rewind: '/hls/b/dvr.m3u8' };

function made(answers: (Transport | Error | undefined)[]) {
  const seen = { asked: 0, found: 0 };
  const archive = {
    transport: () => {
      const answer = answers[seen.asked++];
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
  return {
    seen,
    way: new WayBack(
      archive,
      () => seen.found++,
      () => 0.5,
    ),
  };
}

const settled = () => new Promise((done) => setTimeout(done));

describe('WayBack', () => {
  test('takes what the first answer names, and asks for nothing', async () => {
    const { way, seen } = made([]);
    way.take([{ kind: 'whep', url: '/whep/b' }, rewindable]);
    for (let now = 0; now < 120_000; now += 1000) way.ask(now);
    await settled();
    expect([way.url, seen.asked, seen.found]).toEqual(['/hls/b/dvr.m3u8', 0, 1]);
  });

  test('asks once, a while after the first picture', async () => {
    const { way, seen } = made([rewindable]);
    way.take([live]);
    way.ask(1000);
    way.ask(25_999);
    expect(seen.asked).toBe(0);
    for (let now = 26_000; now < 120_000; now += 1000) way.ask(now);
    await settled();
    expect([way.url, seen.asked, seen.found]).toEqual(['/hls/b/dvr.m3u8', 1, 1]);
  });

  test('goes without where there is none, or no answer', async () => {
    for (const answer of [live, undefined, new Error('offline')]) {
      const { way, seen } = made([answer]);
      for (let now = 0; now < 120_000; now += 1000) way.ask(now);
      await settled();
      expect([way.url, seen.asked, seen.found]).toEqual([undefined, 1, 0]);
    }
  });
});

describe('progressOf', () => {
  const video = { currentTime: 12, duration: 60, paused: false } as HTMLVideoElement;
  test('of a recording it is the element’s own', () => {
    expect(progressOf(video, undefined)).toEqual({ from: 0, time: 12, length: 60, paused: false });
    expect(progressOf({ ...video, duration: NaN } as HTMLVideoElement, undefined).length).toBe(0);
  });
  test('of what was wound back it is the show’s', () => {
    const span = { from: 100e6, at: 130e6, to: 160e6 };
    expect(progressOf(video, span)).toEqual({ from: 100, time: 130, length: 160, paused: false });
  });
});
