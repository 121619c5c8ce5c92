import type { FeedEvent, MediaTime } from '../api/types';
import type { Line } from './types';

/** The most that a page keeps; the oldest go first. */
export const linesMax = 200;

/** Who scrolls back keeps so many more. */
export const linesBackMax = 2000;

/** before puts lines of a page back in front, each once. */
export function before(lines: readonly Line[], page: readonly Line[]): Line[] {
  const known = new Set(lines.map((one) => one.id));
  return [...page.filter((one) => !known.has(one.id)), ...lines];
}

/**
 * add puts lines at their place by id, each once: that is the order for everybody, whatever frame they see, whichever node
 * they follow and whether they come in later. A line that waited for its frame may so come to stand above newer ones.
 */
export function add(lines: readonly Line[], more: readonly Line[], max = linesMax): Line[] {
  const known = new Set(lines.map((one) => one.id));
  const fresh = more.filter((one) => !known.has(one.id));
  if (fresh.length === 0) return lines as Line[];
  return [...lines, ...fresh].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(-max);
}

/** without takes lines away, and what others quote of them. */
export function without(lines: readonly Line[], gone: (one: { id: string; author: string }) => boolean): Line[] {
  return lines
    .filter((one) => !gone(one))
    .map((one) => (one.reply && gone(one.reply) ? { ...one, reply: undefined } : one));
}

/** upTo is what had been said when a frame was seen: of a replay, where the lines are in the order of their frames. */
export function upTo(lines: readonly Line[], frame: MediaTime, max: number): Line[] {
  let end = 0;
  while (end < lines.length && lines[end]!.media_time <= frame) end++;
  return lines.slice(Math.max(0, end - max), end);
}

/** isChat tells the events that are the chat's. */
export function isChat(event: FeedEvent): boolean {
  return event.kind.startsWith('chat.') || event.kind === 'likes.changed';
}
