import { describe, expect, test } from 'vitest';
import { newAttempts, plan, type Next } from './plan';
import { refusal, type TransportKind } from './session';

const both: TransportKind[] = ['whep', 'hls'];
const still = () => 0.5;

describe('plan', () => {
  test('WebRTC that brings no picture gives way to HLS at once', () => {
    expect(plan(both, 'whep', { reason: 'failed' }, false, newAttempts(), still)).toEqual({ kind: 'hls', wait: 0 });
  });
  test('so does WebRTC that cannot carry the broadcast', () => {
    expect(plan(both, 'whep', { reason: 'unplayable' }, false, newAttempts(), still)?.kind).toBe('hls');
  });
  test('a WebRTC connection that was cut is made again once, then HLS takes over', () => {
    const attempts = newAttempts();
    expect(plan(both, 'whep', { reason: 'failed' }, true, attempts, still)?.kind).toBe('whep');
    expect(plan(both, 'whep', { reason: 'failed' }, true, attempts, still)?.kind).toBe('hls');
  });
  test('HLS that was cut stays HLS', () => {
    const attempts = newAttempts();
    for (let i = 0; i < 3; i++)
      expect(plan(both, 'hls', { reason: 'failed' }, true, attempts, still)?.kind).toBe('hls');
  });
  test('nothing on air: the first transport again when the server says', () => {
    expect(plan(both, 'hls', { reason: 'absent', retryAfter: 4 }, false, newAttempts(), still)).toEqual({
      kind: 'whep',
      wait: 4000,
    });
  });
  test('waits grow to ten seconds and never end', () => {
    const attempts = newAttempts();
    let kind: TransportKind = 'whep';
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const next: Next = plan(both, kind, { reason: 'failed' }, false, attempts, () => 1)!;
      waits.push(next.wait);
      kind = next.kind;
    }
    expect(waits).toEqual([0, 1000, 2000, 4000, 8000, 10000, 10000, 10000, 10000]);
  });
  test('who may not watch is not tried again', () => {
    expect(plan(both, 'whep', { reason: 'refused' }, false, newAttempts(), still)).toBeUndefined();
  });
  test('with one transport there is no other', () => {
    expect(plan(['hls'], 'hls', { reason: 'failed' }, false, newAttempts(), still)?.kind).toBe('hls');
  });
});

test('refusals by status', () => {
  const of = (status: number, code = '') => refusal(status, code);
  expect(of(401)).toBe('refused');
  expect(of(404)).toBe('absent');
  expect(of(409, 'not-live')).toBe('absent');
  expect(of(409, 'b-frames')).toBe('unplayable');
  expect(of(503)).toBe('failed');
  expect(of(415)).toBe('unplayable');
});
