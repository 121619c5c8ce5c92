import { describe, expect, test } from 'vitest';
import {
  RtpClock,
  dateToMediaTime,
  fragmentDate,
  mediaTimeToSeconds,
  parseMediaTimes,
  parseWall,
  unwrap,
} from './mediatime';

describe('parseMediaTimes', () => {
  const sdp = [
    'v=0',
    'a=x-media-time:1 1',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'a=sendonly',
    'a=x-media-time:4294967295 12000000',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'a=x-media-time:77 11980000',
  ];
  test('reads one base per m-line, whatever ends the lines', () => {
    const want = { video: { rtp: 4294967295, mediaTime: 12000000 }, audio: { rtp: 77, mediaTime: 11980000 } };
    expect(parseMediaTimes(sdp.join('\r\n'))).toEqual(want);
    expect(parseMediaTimes(sdp.join('\n'))).toEqual(want);
  });
  test('takes no line that is malformed', () => {
    expect(parseMediaTimes('m=video 9 x 96\na=x-media-time:-1 x')).toEqual({});
  });
});

describe('RtpClock', () => {
  test('counts 90 kHz ticks from the base', () => {
    const clock = new RtpClock({ rtp: 1000, mediaTime: 5_000_000 });
    expect(clock.mediaTime(1000 + 3000, 0)).toBe(5_033_333);
    expect(clock.mediaTime(1000 + 6000, 33)).toBe(5_066_667);
  });
  test('goes on over the end of the 32 bits', () => {
    const clock = new RtpClock({ rtp: 2 ** 32 - 3000, mediaTime: 0 });
    expect(clock.mediaTime(2 ** 32 - 1500, 0)).toBe(16_667);
    expect(clock.mediaTime(1500, 33)).toBe(50_000);
  });
  test('the first frame lies near the live edge, many turns after the base', () => {
    const day = 24 * 3600 * 1e6;
    const ticks = (3 * day * 9) / 100;
    const clock = new RtpClock({ rtp: 5, mediaTime: 0 });
    expect(clock.mediaTime((5 + ticks) % 2 ** 32, 0, 3 * day + 900_000)).toBe(3 * day);
  });
  test('a sleep of a day does not lose a turn', () => {
    const clock = new RtpClock({ rtp: 0, mediaTime: 0 });
    clock.mediaTime(0, 0);
    const day = 24 * 3600 * 1e6;
    expect(clock.mediaTime(((day * 9) / 100) % 2 ** 32, 24 * 3600 * 1000)).toBe(day);
  });
});

test('unwrap takes the nearest turn in both directions', () => {
  expect(unwrap(10, 2 ** 32 + 20, 2 ** 32)).toBe(2 ** 32 + 10);
  expect(unwrap(2 ** 32 - 10, 0, 2 ** 32)).toBe(-10);
});

describe('dateToMediaTime', () => {
  const anchors = [
    { generation: 2, mediaTime: 60_000_000, wall: 1_000_090_000.25 },
    { generation: 1, mediaTime: 0, wall: 1_000_000_000.5 },
  ];
  test('counts from the anchor of the generation', () => {
    expect(dateToMediaTime(1_000_001_000.5, anchors)).toBe(1_000_000);
    expect(dateToMediaTime(1_000_091_000, anchors)).toBe(60_999_750);
  });
  test('a date cut to milliseconds still belongs to the generation it opens', () => {
    expect(dateToMediaTime(1_000_090_000, anchors)).toBe(59_999_750);
  });
  test('a date before all anchors counts back from the first', () => {
    expect(dateToMediaTime(999_999_000.5, anchors)).toBe(-1_000_000);
  });
  test('without anchors there is no media time', () => {
    expect(dateToMediaTime(1, [])).toBeUndefined();
  });
});

test('parseWall keeps the microseconds', () => {
  expect(parseWall('2026-11-20T10:00:00.123456Z')).toBeCloseTo(Date.UTC(2026, 10, 20, 10) + 123.456, 3);
  expect(parseWall('2026-11-20T10:00:00Z')).toBe(Date.UTC(2026, 10, 20, 10));
  expect(parseWall('2026-11-20T12:00:00.5+02:00')).toBe(Date.UTC(2026, 10, 20, 10) + 500);
  expect(parseWall('yesterday')).toBeNaN();
});

describe('fragmentDate', () => {
  const fragments = [
    { start: 0, programDateTime: 1_000_000 },
    { start: 2, programDateTime: 1_002_000 },
    { start: 4, programDateTime: null },
  ];
  test('counts from the last fragment that has begun', () => {
    expect(fragmentDate(1.5, fragments, undefined)).toBe(1_001_500);
    expect(fragmentDate(2, fragments, undefined)).toBe(1_002_000);
  });
  test('rounding does not push a frame into the fragment before', () => {
    expect(fragmentDate(1.99999, fragments, undefined)).toBeCloseTo(1_001_999.99, 1);
  });
  test('the fragment still being made counts', () => {
    expect(fragmentDate(6.5, fragments, { start: 6, programDateTime: 1_060_000 })).toBe(1_060_500);
  });
  test('a fragment without a date is passed over', () => {
    expect(fragmentDate(5, fragments, null)).toBe(1_005_000);
  });
  test('before all fragments there is no date', () => {
    expect(fragmentDate(-1, fragments, null)).toBeUndefined();
  });
});

describe('mediaTimeToSeconds', () => {
  // Two generations: the second begins at media time 10 s, after a minute's pause on the wall.
  const anchors = [
    { generation: 1, mediaTime: 0, wall: 1_000_000 },
    { generation: 2, mediaTime: 10_000_000, wall: 1_070_000 },
  ];
  const fragments = [
    { start: 100, programDateTime: 1_004_000 },
    { start: 102, programDateTime: 1_006_000 },
    { start: 104, programDateTime: null },
    { start: 106, programDateTime: 1_070_000 },
    { start: 108, programDateTime: 1_072_000 },
  ];
  const at = (seconds: number) => mediaTimeToSeconds(seconds * 1e6, fragments, anchors);
  test('finds the frame in its fragment, and is the way back of fragmentDate', () => {
    for (const seconds of [4, 5.5, 6.25, 10, 11.5, 13]) {
      const date = fragmentDate(at(seconds)!, fragments, undefined)!;
      expect(dateToMediaTime(date, anchors)).toBe(seconds * 1e6);
    }
  });
  test('before what there is it is the beginning', () => expect(at(1)).toBe(100));
  test('in a pause it is what comes after it', () => {
    expect(at(9.9)).toBe(105.9);
    expect(mediaTimeToSeconds(9.9e6, [fragments[0]!, fragments[3]!], anchors)).toBe(105.9);
    expect(
      mediaTimeToSeconds(
        9.99e6,
        [
          { start: 100, programDateTime: 1_004_000 },
          { start: 103, programDateTime: 1_070_000 },
        ],
        anchors,
      ),
    ).toBe(103);
  });
  test('without dates there is none', () => {
    expect(mediaTimeToSeconds(1, [{ start: 0, programDateTime: null }], anchors)).toBeUndefined();
    expect(mediaTimeToSeconds(1, [], anchors)).toBeUndefined();
  });
});
