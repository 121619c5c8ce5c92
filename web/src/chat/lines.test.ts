import { expect, test } from 'vitest';
import { add, before, linesMax, upTo, without } from './lines';
import type { Line } from './types';

const line = (id: string, author = 'a', media_time = 0, reply?: string): Line => ({
  id,
  author,
  name: author,
  text: id,
  media_time,
  at: 0,
  reply: reply ? { id: reply, author: 'a', name: 'a', text: reply } : undefined,
});

test('a line that comes twice is there once', () => {
  const lines = add(add([], [line('1'), line('2')]), [line('2'), line('3')]);
  expect(lines.map((one) => one.id)).toEqual(['1', '2', '3']);
});

test('the order is that of the ids, however lines come', () => {
  const ids = (lines: Line[]) => lines.map((one) => one.id).join('');
  expect(ids(add(add([line('1')], [line('4')]), [line('3'), line('2')]))).toBe('1234');
  // After a gap the newest page is read again: what goes further back stays before it.
  expect(ids(add([line('7'), line('8')], [line('5'), line('6'), line('7')]))).toBe('5678');
});

test('the oldest go', () => {
  let lines: Line[] = [];
  for (let n = 0; n < linesMax + 10; n++) lines = add(lines, [line(String(n).padStart(4, '0'))]);
  expect(lines).toHaveLength(linesMax);
  expect(lines[0]!.id).toBe('0010');
});

test('what is removed is quoted by nobody', () => {
  const lines = without([line('1'), line('2', 'b', 0, '1')], (one) => one.id === '1');
  expect(lines).toHaveLength(1);
  expect(lines[0]!.reply).toBeUndefined();
});

test('a replay shows what had been said by a frame', () => {
  const lines = [line('1', 'a', 10), line('2', 'a', 20), line('3', 'a', 30)];
  expect(upTo(lines, 20, 5).map((one) => one.id)).toEqual(['1', '2']);
  expect(upTo(lines, 99, 2).map((one) => one.id)).toEqual(['2', '3']);
  expect(upTo(lines, 5, 2)).toEqual([]);
});

test('a page back stands in front, each line once', () => {
  const lines = before([line('3'), line('4')], [line('1'), line('2'), line('3')]);
  expect(lines.map((one) => one.id)).toEqual(['1', '2', '3', '4']);
});
