import type { SceneBroadcast } from '../api/types';
import type { FeedState } from '../feed/feed';
import type { PlayerState, Quality, TransportKind } from '../player';
import type { Overlay } from './scene';

/** RoomView is all that the page shows of a broadcast. */
export interface RoomView {
  /** missing: there is no such broadcast. refused: it is not for this viewer. failed: it could not be loaded, and is tried again. */
  phase: 'loading' | 'missing' | 'refused' | 'banned' | 'failed' | 'ready';
  broadcast?: SceneBroadcast;
  overlay?: Overlay;
  player: PlayerState;
  transport?: TransportKind;
  muted: boolean;
  /** What the viewer may choose from, and what was chosen (undefined: the player chooses). */
  qualities: readonly Quality[];
  quality?: string;
  feed: FeedState;
  /** The show is over and its recording plays. */
  replay?: boolean;
  /** The show is on air, and can be wound back; it is wound back. */
  rewindable?: boolean;
  rewound?: boolean;
  /** The show has just ended, and there is a recording of it. */
  again?: boolean;
}

/** Progress is where a recording plays, or a show that was wound back, in seconds; from is its beginning. */
export interface Progress {
  from: number;
  time: number;
  length: number;
  paused: boolean;
}
