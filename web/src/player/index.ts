// The player, usable alone: it needs a video element and the addresses of a broadcast, and knows no framework.

export { Player, type PlayerOptions, type PlayerState } from './player';
export type { Figures } from './meter';
export type { Frame } from './frameclock';
export type { Quality, TransportKind } from './session';
export { Release, type Lateness } from './release';
export type { MediaTime } from './mediatime';
