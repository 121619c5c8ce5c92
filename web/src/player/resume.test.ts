import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Resume } from './resume';

/** element is as much of a video as Resume looks at; it counts what it is sought to. */
class Element {
  readonly HAVE_FUTURE_DATA = 3;
  paused = false;
  ended = false;
  seeking = false;
  readyState = 2;
  end = 10;
  sought: number[] = [];
  private at = 10;
  get currentTime() {
    return this.at;
  }
  set currentTime(to: number) {
    this.sought.push(to);
    this.at = to;
  }
  get buffered() {
    return { length: 1, start: () => 0, end: () => this.end };
  }
}

let video: Element;
let resume: Resume;
beforeEach(() => {
  vi.useFakeTimers();
  video = new Element();
  resume = new Resume(video as unknown as HTMLVideoElement);
  resume.stalled();
});
afterEach(() => {
  resume.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

test('waits for data as long as there is none', () => {
  vi.advanceTimersByTime(5000);
  video.end = 10.3;
  vi.advanceTimersByTime(5000);
  expect(video.sought).toEqual([]);
});

test('has a player with data go on where it stands, once', () => {
  video.end = 10.7;
  vi.advanceTimersByTime(100);
  expect(video.sought).toEqual([]); // it may begin by itself
  vi.advanceTimersByTime(5000);
  expect(video.sought).toEqual([10]);
});

test('leaves alone what goes on by itself, stands still by wish or is being sought', () => {
  for (const change of [{ readyState: 4 }, { paused: true }, { ended: true }, { seeking: true }]) {
    Object.assign(video, { readyState: 2, paused: false, ended: false, seeking: false, end: 11 }, change);
    resume.stalled();
    vi.advanceTimersByTime(1000);
    expect(video.sought).toEqual([]);
  }
});
