import { describe, expect, it } from 'vitest';
import { goOn } from './session';

const piles = [
  { ids: ['a', 'b'], next: '1' },
  { ids: ['c', 'd'], next: '2' },
  { ids: ['e'], next: undefined },
];

describe('where a session goes on', () => {
  it('begins where nothing was seen', () => {
    expect(goOn({ seen: [] }, piles, new Set())).toEqual({ cursor: undefined, seen: [] });
  });
  it('names what was seen of a page that was not seen whole', () => {
    expect(goOn({ seen: [] }, piles, new Set(['a']))).toEqual({ cursor: undefined, seen: ['a'] });
    expect(goOn({ seen: [] }, piles, new Set(['a', 'b', 'd']))).toEqual({ cursor: '1', seen: ['d'] });
  });
  it('does not skip what was left out by the way', () => {
    expect(goOn({ seen: [] }, piles, new Set(['a', 'c', 'd', 'e']))).toEqual({
      cursor: undefined,
      seen: ['a', 'c', 'd', 'e'],
    });
  });
  it('keeps naming the last page, which has no cursor', () => {
    expect(goOn({ seen: [] }, piles, new Set(['a', 'b', 'c', 'd', 'e']))).toEqual({ cursor: '2', seen: ['e'] });
  });
  it('goes on from where it went on before', () => {
    expect(goOn({ cursor: '0', seen: ['x'] }, piles, new Set())).toEqual({ cursor: '0', seen: ['x'] });
    expect(goOn({ cursor: '0', seen: ['x'] }, piles, new Set(['a', 'b']))).toEqual({ cursor: '1', seen: [] });
  });
});
