import type { Quality } from './session';

// What a WHEP server says of a session while it runs (draft-ietf-wish-whep, server-sent events and layers).

export const eventsRel = 'urn:ietf:params:whep:ext:core:server-sent-events';
export const layerRel = 'urn:ietf:params:whep:ext:core:layer';

export interface WhepListener {
  /** The publisher sends, or is silent. */
  active: (active: boolean) => void;
  viewers: (count: number) => void;
  layers: (qualities: Quality[]) => void;
  /** The server wants the viewer to begin anew. */
  reconnect: (reason: string) => void;
}

/** After this many failures in a row the session goes on without being told anything. */
const failuresMax = 5;

/** WhepEvents listens to a session's events. What cannot be heard is done without: media tell their own state. */
export class WhepEvents {
  private source: EventSource | undefined;
  private failures = 0;
  private closed = false;

  constructor(
    private readonly url: string,
    private readonly listener: WhepListener,
  ) {}

  async open(): Promise<void> {
    let response: Response;
    try {
      response = await fetch(this.url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(['active', 'inactive', 'viewercount', 'layers', 'reconnect']),
        credentials: 'omit',
      });
    } catch {
      return;
    }
    const location = response.headers.get('Location');
    if (this.closed || response.status !== 201 || !location) return;
    const source = new EventSource(new URL(location, response.url).href);
    this.source = source;
    source.onopen = () => (this.failures = 0);
    source.onerror = () => {
      if (++this.failures >= failuresMax) this.close();
    };
    const { listener } = this;
    source.addEventListener('active', () => listener.active(true));
    source.addEventListener('inactive', () => listener.active(false));
    source.addEventListener('viewercount', (event) => {
      const count = Number((parse(event) as { viewercount?: unknown }).viewercount);
      if (Number.isFinite(count)) listener.viewers(count);
    });
    source.addEventListener('layers', (event) => listener.layers(parseLayers(parse(event))));
    source.addEventListener('reconnect', (event) => {
      this.close();
      listener.reconnect(String((parse(event) as { reason?: unknown }).reason ?? ''));
    });
  }

  close(): void {
    this.closed = true;
    this.source?.close();
    this.source = undefined;
  }
}

function parse(event: MessageEvent): object {
  try {
    const value: unknown = JSON.parse(String(event.data));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/**
 * parseLayers reads a layers event: per media line the encodings that are sent now (active), those that are not, and
 * what each is made of. An encoding is named by encodingId, or by id.
 */
export function parseLayers(data: object): Quality[] {
  const found = new Map<string, Quality>();
  for (const line of Object.values(data)) {
    if (typeof line !== 'object' || line === null) continue;
    const { active, inactive, layers } = line as Record<string, unknown>;
    for (const one of [active, inactive, layers].flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : []))) {
      if (typeof one !== 'object' || one === null) continue;
      const { encodingId, id, width, height, bitrate, targetBitrate } = one as Record<string, unknown>;
      const name = encodingId ?? id;
      if (typeof name !== 'string' && typeof name !== 'number') continue;
      const known = found.get(String(name));
      found.set(String(name), {
        name: String(name),
        width: known?.width ?? positive(width),
        height: known?.height ?? positive(height),
        bitrate: known?.bitrate ?? positive(bitrate) ?? positive(targetBitrate),
      });
    }
  }
  return [...found.values()];
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined;
}
