import type { MediaTime, Timestamp, Transport } from '../../api/types';

export type VideoKind = 'replay' | 'clip' | 'short' | 'story' | 'picture';
export type VideoState = 'draft' | 'processing' | 'review' | 'scheduled' | 'published' | 'hidden' | 'failed';

/** A product that lies on a video's frames, up to its end where `until` is missing. */
export interface VideoTag {
  id?: string;
  product: string;
  from: MediaTime;
  until?: MediaTime;
}

export interface VideoItem {
  id: string;
  kind: VideoKind;
  state: VideoState;
  title: string;
  caption: string;
  language?: string;
  channel: string;
  channel_name: string;
  channel_handle: string;
  shop: string;
  /** Media time of its first frame: of a clip, in its show. */
  from: MediaTime;
  duration: MediaTime;
  width: number;
  height: number;
  poster?: string;
  created_at: Timestamp;
  publish_at?: Timestamp;
  published_at?: Timestamp;
  problem?: string;
  reason?: string;
  progress?: { stage: string; progress: number; attempt: number };
}

export interface Video extends VideoItem {
  currency: string;
  tags: VideoTag[];
  transports: Transport[];
  storyboard?: string;
}

/** spans turns a tag's two ends in seconds, as the page has them, into what the API takes. */
export function tagOf(product: string, from: number, until: number, length: number): VideoTag {
  const micro = (seconds: number) => Math.round(seconds * 1_000_000);
  return until >= length || length === 0
    ? { product, from: micro(from) }
    : { product, from: micro(from), until: micro(until) };
}
