import { expect, test } from 'vitest';
import { problemOf } from './camera';

test('each refusal of the camera has a name', () => {
  const named = (name: string) => Object.assign(new Error(), { name });
  expect(problemOf(named('NotAllowedError'))).toBe('denied');
  expect(problemOf(named('NotReadableError'))).toBe('taken');
  expect(problemOf(named('NotFoundError'))).toBe('none');
  expect(problemOf(undefined)).toBe('none');
});
