import type { MediaTime } from '../api/types';

// What the chat's API and events hold (docs/openapi.json: chat, moderation).

export type ChatRole = '' | 'moderator' | 'creator' | 'owner';

export interface Quote {
  id: string;
  author: string;
  name: string;
  text: string;
}

export interface Line {
  id: string;
  /** Tells authors apart; the same for all that somebody says in the channel. */
  author: string;
  name: string;
  role?: ChatRole;
  text: string;
  media_time: MediaTime;
  at: number;
  reply?: Quote;
}

export interface ChatRules {
  off: boolean;
  slow_seconds: number;
  followers_only: boolean;
}

export interface ChatScene {
  rules: ChatRules;
  announcement: string;
  pinned?: Line;
  version: number;
  likes: number;
  messages: Line[];
}

/** What the viewer may do. code says why not to speak. */
export interface Standing {
  author: string;
  name: string;
  role?: ChatRole;
  follows: boolean;
  code?: string;
  until?: number;
}

export interface Answer {
  kind: string;
  ref: string;
  code?: string;
  state?: 'shown' | 'held';
  message?: Line;
  wait_ms?: number;
}

export interface Queued extends Line {
  state: 'shown' | 'held';
  why: string;
  reports: number;
}
