import { expect, test } from 'vitest';
import { problemOf } from './camera';
import { looksLikeKey } from './streamKey';

test('each refusal of the camera has a name', () => {
  const named = (name: string) => Object.assign(new Error(), { name });
  expect(problemOf(named('NotAllowedError'))).toBe('denied');
  expect(problemOf(named('NotReadableError'))).toBe('taken');
  expect(problemOf(named('NotFoundError'))).toBe('none');
  expect(problemOf(undefined)).toBe('none');
});

test('a key is told from what else is pasted', () => {
  expect(looksLikeKey(' hk_key_abcdefghijklmnopqrstuvwxyz012345 ')).toBe(true);
  expect(looksLikeKey('rtmp://host/live')).toBe(false);
  expect(looksLikeKey('hk_tok_abcdefghijklmnopqrstuvwxyz012345')).toBe(false);
});
