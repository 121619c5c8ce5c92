/** Renditions that appear come together: so long is waited for the others. */
const togetherMilliseconds = 2000;
/** A crowd that sees them at the same time does not ask at the same time. */
const spreadMilliseconds = 3000;
/** Reading the playlist again costs the picture a moment: so long lies between two times. */
const betweenMilliseconds = 30_000;
/** The playlist of the sound alone: hls.js has it as an audio track, and a player that has pictures needs it not. */
const sound = 'audio';

/**
 * Newcomers notices renditions that joined after the multivariant playlist was read: the rendition reports of the others
 * name them. It says when it is time to read that playlist again.
 */
export class Newcomers {
  private levels = new Set<string>();
  /** What another reading did not bring either is not asked for again. */
  private given = new Set<string>();
  private at: number | undefined;
  private readAt = -Infinity;

  constructor(private readonly random: () => number = Math.random) {}

  /** known takes the names that the multivariant playlist has. */
  known(names: readonly string[]): void {
    this.levels = new Set(names);
    this.at = undefined;
  }

  /** named takes the names in a playlist's rendition reports, and tells whether to read the multivariant one again. */
  named(names: readonly string[], now: number): boolean {
    const fresh = names.filter((name) => name && name !== sound && !this.levels.has(name) && !this.given.has(name));
    if (fresh.length === 0 || this.levels.size === 0) {
      this.at = undefined;
      return false;
    }
    this.at ??=
      Math.max(now, this.readAt + betweenMilliseconds) + togetherMilliseconds + spreadMilliseconds * this.random();
    if (now < this.at) return false;
    for (const name of fresh) this.given.add(name);
    this.readAt = now;
    this.at = undefined;
    return true;
  }
}
