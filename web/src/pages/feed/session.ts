// What was seen in this tab, so that a reload goes on behind it. The server keeps nothing: a cursor remembers the pages
// that were seen whole, ids the rest.

const key = 'hawker.feed';
/** A session is over when nothing was seen for so long: then all may come again. */
const idleMilliseconds = 30 * 60_000;
/** As many ids as one request may name. */
const seenMax = 50;

/** A page as it came: the cursor of what comes after it, if there is more. */
export interface Pile {
  ids: readonly string[];
  next?: string;
}

/** Where a session goes on. */
export interface Resume {
  cursor?: string;
  seen: string[];
}

/**
 * goOn finds the newest cursor whose pages were all seen, and the ids that were seen beyond it. `from` is where the
 * pages began.
 */
export function goOn(from: Resume, piles: readonly Pile[], seen: ReadonlySet<string>): Resume {
  let { cursor } = from;
  let rest = [...from.seen];
  let whole = true;
  for (const pile of piles) {
    whole = whole && pile.next !== undefined && pile.ids.every((id) => seen.has(id));
    if (whole) [cursor, rest] = [pile.next, []];
    else rest.push(...pile.ids.filter((id) => seen.has(id)));
  }
  return { cursor, seen: rest.slice(-seenMax) };
}

export function storedSession(now: number): Resume {
  try {
    const stored = JSON.parse(sessionStorage.getItem(key) ?? '') as Partial<Resume & { at: number }>;
    if (typeof stored.at !== 'number' || now - stored.at > idleMilliseconds || !Array.isArray(stored.seen))
      return { seen: [] };
    return { cursor: typeof stored.cursor === 'string' ? stored.cursor : undefined, seen: stored.seen.map(String) };
  } catch {
    return { seen: [] }; // nothing stored, or storage refused
  }
}

export function storeSession(resume: Resume | undefined, now: number): void {
  try {
    if (resume) sessionStorage.setItem(key, JSON.stringify({ ...resume, at: now }));
    else sessionStorage.removeItem(key);
  } catch {
    // Storage may be refused; a reload then begins anew.
  }
}
