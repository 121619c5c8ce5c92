import { describe, expect, it } from 'vitest';
import { readStats } from './whepstats';
import { parseLayers } from './whepevents';

describe('layers', () => {
  it('are what is sent and what is not, each once', () => {
    const found = parseLayers({
      '0': {
        active: [{ id: 'main', bitrate: 2_500_000, width: 1280, height: 720 }],
        inactive: [{ id: '360p' }],
        layers: [{ encodingId: '360p', width: 640, height: 360, targetBitrate: 400_000 }, { encodingId: 'main' }],
      },
    });
    expect(found).toEqual([
      { name: 'main', width: 1280, height: 720, bitrate: 2_500_000 },
      { name: '360p', width: 640, height: 360, bitrate: 400_000 },
    ]);
  });

  it('are none in what is not understood', () => {
    expect(parseLayers({ '0': null, '1': { active: 'x' }, '2': { layers: [null, { id: {} }] } })).toEqual([]);
  });
});

describe('statistics of a connection', () => {
  it('are read from the lines that come in and the pair in use', () => {
    const entries = new Map<string, Record<string, unknown>>([
      [
        'v',
        {
          type: 'inbound-rtp',
          kind: 'video',
          bytesReceived: 900,
          frameWidth: 540,
          frameHeight: 960,
          framesDecoded: 30,
          freezeCount: 1,
          jitterBufferDelay: 3,
          jitterBufferEmittedCount: 100,
          estimatedPlayoutTimestamp: 1000,
        },
      ],
      ['a', { type: 'inbound-rtp', kind: 'audio', bytesReceived: 100, estimatedPlayoutTimestamp: 1030 }],
      ['p', { type: 'candidate-pair', nominated: true, state: 'succeeded', localCandidateId: 'l' }],
      ['l', { type: 'local-candidate', protocol: 'tcp' }],
    ]);
    expect(readStats(entries as unknown as RTCStatsReport)).toEqual({
      path: 'tcp',
      bytes: 1000,
      width: 540,
      height: 960,
      frames: 30,
      dropped: undefined,
      freezes: 1,
      buffer: 30,
      skew: 30,
    });
  });

  it('are few before anything came', () => {
    expect(readStats(new Map() as unknown as RTCStatsReport)).toEqual({});
  });
});
