import type { TransportError, TransportKind } from './session';

/** What the player does after a transport did not begin, or ended. */
export interface Next {
  kind: TransportKind;
  /** Milliseconds to wait before. */
  wait: number;
}

/** What the player remembers of its attempts. */
export interface Attempts {
  /** Transports that cannot carry this broadcast to this browser, or did not, by the number of times. */
  failed: Record<TransportKind, number>;
  /** Attempts in a row that brought no picture. */
  barren: number;
}

export function newAttempts(): Attempts {
  return { failed: { whep: 0, hls: 0 }, barren: 0 };
}

/**
 * plan says what comes next. A WebRTC connection that had shown a picture is tried once more over WebRTC (the network
 * may just have changed); otherwise the other transport takes over at once. When none brings a picture the waits grow
 * to ten seconds. undefined: the viewer may not watch.
 */
export function plan(
  offered: readonly TransportKind[],
  kind: TransportKind,
  error: Pick<TransportError, 'reason' | 'retryAfter'>,
  hadPicture: boolean,
  attempts: Attempts,
  random: () => number = Math.random,
): Next | undefined {
  if (error.reason === 'refused') return undefined;
  const other = offered.find((one) => one !== kind);
  if (hadPicture) {
    attempts.barren = 0;
    if (kind === 'hls' || attempts.failed.whep === 0) {
      attempts.failed[kind]++;
      return { kind, wait: Math.round(100 + 400 * random()) };
    }
    return { kind: other ?? kind, wait: 0 };
  }
  attempts.failed[kind]++;
  attempts.barren++;
  if (error.reason === 'absent') {
    const seconds = error.retryAfter ?? Math.min(8, attempts.barren);
    return { kind: offered[0] ?? kind, wait: Math.round(1000 * seconds * (0.75 + 0.5 * random())) };
  }
  if (other && attempts.barren <= 1) return { kind: other, wait: 0 };
  const longest = Math.min(10_000, 500 * 2 ** Math.min(attempts.barren - 1, 10));
  // Over WebRTC nothing came: stay with what works through most doors, but look now and then.
  const next =
    other && error.reason === 'unplayable' ? other : attempts.barren % 4 === 0 ? offered[0] : (other ?? kind);
  return { kind: next ?? kind, wait: Math.round(longest * (0.5 + 0.5 * random())) };
}

const upgradeFirstMilliseconds = 12_000;
const upgradeLongestMilliseconds = 300_000;

/**
 * upgradeWait is how long a viewer over HLS waits until WebRTC is tried again: longer after each time that it did not
 * work, spread so that a crowd that lost it together does not come back together.
 */
export function upgradeWait(tries: number, random: () => number = Math.random): number {
  const longest = Math.min(upgradeLongestMilliseconds, upgradeFirstMilliseconds * 2 ** Math.min(tries, 10));
  return Math.round(longest * (0.75 + 0.5 * random()));
}
