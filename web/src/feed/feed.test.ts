import { describe, expect, test } from 'vitest';
import { backoff, judge } from './position';

describe('judge', () => {
  test('a frame that follows on is taken', () => {
    expect(judge('a:5', { from: 'a:5', to: 'a:9' })).toBe('take');
  });
  test('a frame sent twice is skipped', () => {
    expect(judge('a:9', { from: 'a:5', to: 'a:9' })).toBe('skip');
  });
  test('a frame that overlaps is taken, its events carry ids', () => {
    expect(judge('a:7', { from: 'a:5', to: 'a:9' })).toBe('take');
  });
  test('a hole is a gap', () => {
    expect(judge('a:5', { from: 'a:6', to: 'a:9' })).toBe('gap');
  });
  test('another epoch is a gap', () => {
    expect(judge('a:5', { from: 'b:0', to: 'b:9' })).toBe('gap');
  });
  test('offsets beyond 2^53 are compared exactly', () => {
    expect(judge('a:9007199254740993', { from: 'a:9007199254740991', to: 'a:9007199254740992' })).toBe('skip');
  });
  test('a position that is none is a gap', () => {
    expect(judge('', { from: 'a:6', to: 'a:9' })).toBe('gap');
  });
});

describe('backoff', () => {
  test('doubles up to ten seconds', () => {
    const waits = [0, 1, 2, 5, 6, 99].map((attempt) => backoff(attempt, () => 1));
    expect(waits).toEqual([250, 500, 1000, 8000, 10000, 10000]);
  });
  test('never comes at once', () => {
    expect(backoff(0, () => 0)).toBe(50);
  });
});
