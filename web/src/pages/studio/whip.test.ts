import { expect, test } from 'vitest';
import { preferH264 } from './whip';

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
