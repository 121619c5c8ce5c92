// The player, usable alone: it needs a video element and the addresses of a broadcast, and knows no framework.

export { Player, type PlayerOptions, type PlayerState } from './player';
export type { Frame } from './frameclock';
export type { TransportKind } from './session';
export { Release, type Lateness } from './release';
export type { MediaTime } from './mediatime';
