import type { BroadcastItem, Transport } from '../../api/types';
import type { VideoItem } from '../videos/data';

export type Reason =
  'live' | 'audience' | 'fresh' | 'watched' | 'sold' | 'follow' | 'bought' | 'language' | 'untried' | 'variety';

/** A part of what decides where an item stands. */
export interface Term {
  reason: Reason;
  points: number;
}

/** Something to see, with why it stands where it stands. */
export interface FeedItem {
  id: string;
  kind: 'live' | 'short' | 'clip' | 'story' | 'picture';
  score: number;
  reasons: Term[];
  /** It stands in the boosted place: the label says so. */
  boost?: { kind: 'paid' | 'editorial'; by: string };
  broadcast?: BroadcastItem & { channel_handle: string };
  video?: VideoItem;
  transports: Transport[];
}

export interface FeedPage {
  items: FeedItem[];
  next?: string;
}
