import type { Counters, TransportKind } from './session';

/** Figures are what a viewer who wonders can read: rates over the time since they were last asked for. */
export interface Figures extends Omit<Counters, 'bytes' | 'frames'> {
  transport?: TransportKind;
  /** Pictures a second. */
  rate?: number;
  /** Bits a second. */
  bitrate?: number;
  /** Milliseconds behind the live edge. */
  lag?: number;
}

/** Meter turns counters into rates. */
export class Meter {
  private last: { at: number; bytes?: number; frames?: number } | undefined;

  read({ bytes, frames, ...rest }: Counters, at: number): Figures {
    const before = this.last;
    this.last = { at, bytes, frames };
    const seconds = before ? (at - before.at) / 1000 : 0;
    const perSecond = (now: number | undefined, then: number | undefined) =>
      seconds > 0 && now !== undefined && then !== undefined && now >= then ? (now - then) / seconds : undefined;
    const bits = perSecond(bytes, before?.bytes);
    return { ...rest, rate: perSecond(frames, before?.frames), bitrate: bits === undefined ? undefined : bits * 8 };
  }

  /** forget begins anew: another session counts from zero. */
  forget(): void {
    this.last = undefined;
  }
}
