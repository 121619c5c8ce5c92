import { expect, test } from 'vitest';
import { layersFor, preferH264, sentOf } from './whip';

const codec = (mimeType: string, sdpFmtpLine?: string) => ({ mimeType, sdpFmtpLine });

test('H.264 is all that is offered, constrained baseline first, with what repairs it', () => {
  const sorted = preferH264([
    codec('video/VP8'),
    codec('video/rtx'),
    codec('video/H264', 'packetization-mode=0;profile-level-id=42e01f'),
    codec('video/H264', 'packetization-mode=1;profile-level-id=640c1f'),
    codec('video/H264', 'packetization-mode=1;profile-level-id=42001f'),
    codec('video/H264', 'packetization-mode=1;profile-level-id=42e01f'),
    codec('video/AV1'),
  ]);
  expect(sorted.map((one) => one.sdpFmtpLine ?? one.mimeType)).toEqual([
    'packetization-mode=1;profile-level-id=42e01f',
    'packetization-mode=1;profile-level-id=42001f',
    'packetization-mode=1;profile-level-id=640c1f',
    'packetization-mode=0;profile-level-id=42e01f',
    'video/rtx',
  ]);
});

test('without H.264 there is nothing to offer', () => {
  expect(preferH264([codec('video/VP8'), codec('video/rtx')])).toEqual([]);
});

test('a picture goes out in as many sizes as it and the machine allow, the largest first', () => {
  const rids = (width: number, height: number, cores?: number) =>
    layersFor({ width, height }, cores).map((one) => `${one.rid}/${one.scaleResolutionDownBy ?? 1}`);
  expect(rids(720, 1280, 8)).toEqual(['h/1', 'm/2', 'l/4']);
  expect(rids(1280, 720, 4)).toEqual(['h/1', 'm/2']);
  expect(rids(960, 540, 8)).toEqual(['h/1', 'm/2']);
  expect(rids(640, 360, 8)).toEqual([]);
  expect(rids(1280, 720, 2)).toEqual([]);
  expect(rids(1280, 720)).toEqual([]);
});

test('what is sent is told of all sizes together, the pictures of the largest', () => {
  const video = (more: object) => ({ type: 'outbound-rtp', kind: 'video', timestamp: 7, ...more });
  expect(
    sentOf([
      { type: 'outbound-rtp', kind: 'audio', bytesSent: 5 },
      video({ frameWidth: 320, framesSent: 9, bytesSent: 100, qualityLimitationReason: 'bandwidth' }),
      video({ frameWidth: 640, framesSent: 4, bytesSent: 300, qualityLimitationReason: 'cpu' }),
      video({ bytesSent: 0 }),
    ]),
  ).toEqual({ bytes: 400, frames: 4, at: 7, limited: 'cpu' });
  expect(sentOf([]).limited).toBeUndefined();
});
