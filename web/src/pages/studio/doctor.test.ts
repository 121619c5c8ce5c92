import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { levelOf, wordsOf } from './doctor';

const one = { code: 'drift', level: 'warn' as const, value: '900 ms', field: '', set: 'restart' };

test('nothing known is not "healthy"', () => {
  expect(levelOf(undefined)).toBe('unknown');
  expect(levelOf({})).toBe('unknown');
});

test('a good encoder has no findings, and the worst one decides', () => {
  expect(levelOf({ frame_rate: 30 })).toBe('ok');
  expect(levelOf({ advice: [one] })).toBe('warn');
  expect(levelOf({ advice: [one, { ...one, level: 'bad' }] })).toBe('bad');
});

test('every finding of the server has words of its own', () => {
  const source = readFileSync('../ingest/doctor/doctor.go', 'utf8');
  const codes = [...source.matchAll(/Code = "([a-z_]+)"/g)].map((match) => match[1] ?? '');
  expect(codes.length).toBeGreaterThan(12);
  const said = codes.map(wordsOf);
  expect(new Set(said).size).toBe(codes.length);
});
