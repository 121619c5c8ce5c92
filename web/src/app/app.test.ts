import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { retryAfterSeconds } from '../api/client';
import { safeNext } from '../pages/account/next';
import { source } from '../room/place';
import { wrapFocus } from '../ui/focus';
import { match, type Route } from './router';

describe('match', () => {
  const load = () => Promise.reject(new Error('not loaded in tests'));
  const routes: Route[] = ['/', '/b/:id', '/c/:channel', '/c/:channel/live', '/studio/*'].map((path) => ({
    path,
    load,
  }));
  const found = (path: string) => {
    const hit = match(routes, path);
    return hit && [hit.route.path, hit.params];
  };
  test('finds the page and its parameters', () => {
    expect(found('/')).toEqual(['/', {}]);
    expect(found('/b/0193/')).toEqual(['/b/:id', { id: '0193' }]);
    expect(found('/c/n%C3%B6or/live')).toEqual(['/c/:channel/live', { channel: 'nöor' }]);
    expect(found('/studio')).toEqual(['/studio/*', { rest: '' }]);
    expect(found('/studio/x/y')).toEqual(['/studio/*', { rest: 'x/y' }]);
  });
  test('finds nothing where there is nothing', () => {
    expect(found('/b')).toBeUndefined();
    expect(found('/b/1/2')).toBeUndefined();
    expect(found('/b/%E0%A4%A')).toEqual(['/b/:id', { id: '%E0%A4%A' }]);
  });
});

test('a link leads back only to our own pages', () => {
  expect(safeNext('/b/1?x=2')).toBe('/b/1?x=2');
  for (const bad of ['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '', null]) {
    expect(safeNext(bad)).toBe('/');
  }
});

test('Tab stays in the dialog', () => {
  expect(wrapFocus(2, 3, false)).toBe(0);
  expect(wrapFocus(0, 3, true)).toBe(2);
  expect(wrapFocus(-1, 3, true)).toBe(2);
  expect(wrapFocus(1, 3, false)).toBeUndefined();
  expect(wrapFocus(-1, 0, false)).toBe(-1);
});

test('Retry-After is seconds or a date', () => {
  const now = Date.UTC(2026, 10, 20, 10);
  expect(retryAfterSeconds('3', now)).toBe(3);
  expect(retryAfterSeconds('Fri, 20 Nov 2026 10:00:05 GMT', now)).toBe(5);
  expect(retryAfterSeconds('Fri, 20 Nov 2026 09:00:00 GMT', now)).toBe(0);
  expect(retryAfterSeconds('soon', now)).toBeUndefined();
  expect(retryAfterSeconds(null, now)).toBeUndefined();
});

test('the source of a visit is a site, never an address', () => {
  expect(source('https://social.example/post/1?user=2', 'https://hawker.example')).toBe('social.example');
  expect(source('https://hawker.example/c/noor', 'https://hawker.example')).toBeUndefined();
  expect(source('', 'https://hawker.example')).toBeUndefined();
});

describe('contrast', () => {
  const css = readFileSync(new URL('../tokens.css', import.meta.url), 'utf8');
  const themes = { dark: /:root,\n\[data-theme='dark'\] \{(.*?)\n\}/s, light: /\[data-theme='light'\] \{(.*?)\n\}/s };
  describe.each(Object.entries(themes))('%s', (_name, block) => {
    const tokens = Object.fromEntries(
      [...block.exec(css)![1]!.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((m) => [m[1]!, m[2]!]),
    );
    const pairs = [
      ...['bg', 'surface', 'raised'].flatMap((ground) => ['text', 'muted', 'bad'].map((ink) => [ink, ground])),
      ...['accent', 'ok', 'warn', 'live'].flatMap((ink) => ['bg', 'surface'].map((ground) => [ink, ground])),
      ['on-accent', 'accent'],
      ['on-live', 'live'],
    ] as [string, string][];
    test.each(pairs)('%s on %s is at least 4.5', (ink, ground) => {
      expect(contrast(tokens[ink]!, tokens[ground]!)).toBeGreaterThanOrEqual(4.5);
    });
  });
});

/** WCAG 2.2, relative luminance. */
function contrast(a: string, b: string): number {
  const luminance = (hex: string) => {
    const [red, green, blue] = [1, 3, 5].map((at) => {
      const part = parseInt(hex.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  };
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light! + 0.05) / (dark! + 0.05);
}
