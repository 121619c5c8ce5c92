import type { FeedEvent, MediaTime } from '../api/types';

/** Beside is what goes on beside the picture, such as a chat: it hears the feed and follows the frames. */
export interface Beside {
  load: () => Promise<void>;
  /** event says whether it was for it. */
  event: (event: FeedEvent) => boolean;
  answer: (answer: unknown) => void;
  /** frame is the one on the screen; past tells that it is of a recording, or of a show that was wound back. */
  frame: (at: MediaTime, past: boolean) => void;
  /** flush: there is no picture to wait for. */
  flush: () => void;
}
