import { api, type Client } from '../api/client';
import type { Transport } from '../api/types';

/** Place is where a room is looked at from: a page of ours, or somebody else's. */
export interface Place {
  client: Client;
  /** The server's origin, where it is not the page's own. */
  base?: string;
  /** A viewing token, for a broadcast that needs one. */
  token?: string;
  /** Where the viewer came from: a site's name. */
  source?: string;
  /** One transport alone: for support, and for a network that is known to be bad. */
  transport?: string;
}

/** ownPage is our own page; its address may hold a viewing token, and ?transport=hls or =whep. */
export function ownPage(): Place {
  const query = new URLSearchParams(location.search);
  return {
    client: api,
    source: source(document.referrer, location.origin),
    token: query.get('token') ?? undefined,
    transport: query.get('transport') ?? undefined,
  };
}

/** within makes the server's addresses whole, where the page is another's. */
export function within(place: Place, transports: readonly Transport[]): Transport[] {
  const whole = (url: string) => (place.base ? new URL(url, place.base).href : url);
  return transports.map(({ kind, url, rewind }) => ({
    kind,
    url: whole(url),
    ...(rewind !== undefined && { rewind: whole(rewind) }),
  }));
}

/** offered is what the server named. Before it has, or before the show begins, the addresses are the usual. */
export function offered(place: Place, named: readonly Transport[] | undefined, id: string): Transport[] {
  const name = encodeURIComponent(id);
  const usual: Transport[] = [
    { kind: 'whep', url: `/whep/${name}` },
    { kind: 'hls', url: `/hls/${name}/index.m3u8` },
  ];
  const all = within(place, named?.length ? named : usual);
  const chosen = all.filter((one) => one.kind === place.transport);
  return chosen.length > 0 ? chosen : all;
}

/** source names where the viewer came from: the site's name at most, never a whole address. */
export function source(referrer: string, origin: string): string | undefined {
  try {
    const url = new URL(referrer);
    return url.origin === origin ? undefined : url.hostname;
  } catch {
    return undefined;
  }
}
