import { expect, test } from 'vitest';
import { levelOfWay, reasonWord, stateWord } from './ways';

test('what the server says is worded, and what it may say one day too', () => {
  expect(stateWord('live')).toBe('wayLive');
  expect(stateWord('retrying')).toBe('wayRetrying');
  expect(stateWord('something new')).toBe('wayOff');
  expect(reasonWord('credentials')).toBe('whyCredentials');
  expect(reasonWord('something new')).toBe('whyUnreachable');
  expect(reasonWord('')).toBeUndefined();
  expect(reasonWord(undefined)).toBeUndefined();
});

test('only what cannot mend itself is bad', () => {
  expect(['live', 'retrying', 'waiting', 'connecting', 'error', 'off', 'stopped'].map(levelOfWay)).toEqual([
    'ok',
    'warn',
    'warn',
    'warn',
    'bad',
    'unknown',
    'unknown',
  ]);
});
