import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FeedEvent } from '../api/types';
import { Feed } from './feed';

/** A socket or an event source that does what the test says. */
class Line {
  static readonly OPEN = 1;
  static all: Line[] = [];
  readyState = 0;
  sent: string[] = [];
  onopen?: () => void;
  onmessage?: (message: { data: string }) => void;
  onclose?: () => void;
  onerror?: () => void;
  constructor(readonly url: string) {
    Line.all.push(this);
  }
  static get last(): Line {
    return Line.all.at(-1)!;
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: unknown) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  fail() {
    this.readyState = 3;
    this.onclose?.();
    this.onerror?.();
  }
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.readyState = 3;
  }
}
class Source extends Line {}

beforeEach(() => {
  vi.useFakeTimers();
  Line.all = [];
  vi.stubGlobal('WebSocket', Line);
  vi.stubGlobal('EventSource', Source);
  vi.stubGlobal('location', { href: 'https://hawker.example/b/1' });
  vi.stubGlobal('navigator', { onLine: true });
  vi.stubGlobal('document', { visibilityState: 'visible', addEventListener() {}, removeEventListener() {} });
  vi.stubGlobal('addEventListener', () => undefined);
  vi.stubGlobal('removeEventListener', () => undefined);
  vi.stubGlobal(
    'fetch',
    vi.fn(() => Promise.resolve(new Response(null, { status: 202 }))),
  );
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function follow() {
  const seen: string[] = [];
  const gaps: number[] = [];
  const feed = new Feed({
    path: '/v1/broadcasts/1/feed',
    session: 's',
    signals: '/v1/broadcasts/1/signals',
    onEvent: (event) => seen.push(event.id),
    onGap: () => gaps.push(1),
  });
  feed.follow('e:4');
  return { feed, seen, gaps };
}
const event = (id: string): FeedEvent => ({ id, kind: 'x.y', v: 1, media_time: 0, at: 0, data: {} });

describe('Feed', () => {
  test('resumes where it was', () => {
    const { seen } = follow();
    expect(Line.last.url).toBe('wss://hawker.example/v1/broadcasts/1/feed?since=e%3A4&session=s');
    Line.last.open();
    Line.last.say({ from: 'e:4', to: 'e:6', events: [event('a'), event('b')] });
    Line.last.fail();
    vi.advanceTimersByTime(300);
    expect(Line.last.url).toContain('since=e%3A6');
    Line.last.open();
    Line.last.say({ from: 'e:5', to: 'e:7', events: [event('b'), event('c')] });
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  test('a gap stops it until a new scene is followed', () => {
    const { feed, gaps, seen } = follow();
    const first = Line.last;
    first.open();
    first.say({ from: 'e:9', to: 'e:10', events: [event('z')] });
    expect([gaps.length, seen]).toEqual([1, []]);
    first.say({ from: 'e:4', to: 'e:5', events: [event('late')] });
    vi.advanceTimersByTime(60_000);
    expect(Line.all).toHaveLength(1);
    feed.follow('f:1');
    expect(Line.last.url).toContain('since=f%3A1');
    Line.last.open();
    Line.last.say({ gap: true, position: 'f:3' });
    expect([gaps.length, seen]).toEqual([2, []]);
  });

  test('goes over to server-sent events where no WebSocket opens, and sends up by POST', () => {
    const { feed, seen } = follow();
    Line.last.fail();
    vi.advanceTimersByTime(300);
    Line.last.fail();
    vi.advanceTimersByTime(600);
    expect(Line.last).toBeInstanceOf(Source);
    expect(Line.last.url).toMatch(/^https:.*since=e%3A4/);
    Line.last.open();
    Line.last.say({ from: 'e:4', to: 'e:5', events: [event('a')] });
    expect(seen).toEqual(['a']);
    feed.send({ kind: 'heartbeat' });
    feed.send({ kind: 'click', product: 'p' });
    vi.advanceTimersByTime(1000);
    const [url, init] = vi.mocked(fetch).mock.calls[0]!;
    expect(url).toBe('/v1/broadcasts/1/signals');
    expect(JSON.parse(String(init!.body))).toEqual({
      session: 's',
      signals: [{ kind: 'heartbeat' }, { kind: 'click', product: 'p' }],
    });
  });

  test('what is sent while it connects goes up once it is open, a heartbeat does not', () => {
    const { feed } = follow();
    feed.send({ kind: 'click', product: 'p' });
    feed.send({ kind: 'heartbeat' });
    Line.last.open();
    expect(Line.last.sent).toEqual(['{"kind":"click","product":"p"}']);
  });

  test('closed is closed', () => {
    const { feed, seen } = follow();
    const line = Line.last;
    line.open();
    feed.close();
    line.say({ from: 'e:4', to: 'e:5', events: [event('a')] });
    line.fail();
    vi.advanceTimersByTime(60_000);
    expect([Line.all.length, seen]).toEqual([1, []]);
  });

  test('text that is no frame is passed over', () => {
    const { seen, gaps } = follow();
    Line.last.open();
    Line.last.onmessage?.({ data: 'hello' });
    Line.last.say({ other: 1 });
    expect([seen, gaps]).toEqual([[], []]);
  });
});
