import type { MediaTime, Timestamp } from '../../api/types';

// What these pages read of the API.

export interface Clip {
  id: string;
  state: 'draft' | 'processing' | 'review' | 'scheduled' | 'published' | 'hidden' | 'failed';
  title: string;
  broadcast?: string;
  duration: MediaTime;
  width: number;
  height: number;
  poster?: string;
  created_at: Timestamp;
}

export interface Recording {
  stretches: { from: MediaTime; until: MediaTime }[];
  renditions: string[];
  bytes: number;
}

export interface PinRecord {
  id: string;
  product: string;
  from: MediaTime;
  until?: MediaTime;
}

export interface Download {
  url: string;
  duration: MediaTime;
  bytes: number;
}

export type ClipMode = 'draft' | 'publish' | 'off';

/** whole is the stretch of media time from the first to the last picture that is kept. */
export function whole(recording: Recording): { from: MediaTime; until: MediaTime } | undefined {
  const first = recording.stretches[0];
  const last = recording.stretches[recording.stretches.length - 1];
  return first && last ? { from: first.from, until: last.until } : undefined;
}

/** place is where a media time lies on a timeline, in percent. */
export function place(at: MediaTime, all: { from: MediaTime; until: MediaTime }): number {
  const length = all.until - all.from;
  return length > 0 ? Math.min(100, Math.max(0, ((at - all.from) / length) * 100)) : 0;
}
