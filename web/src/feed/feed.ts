import type { FeedEvent, FeedFrame } from '../api/types';
import { backoff, judge } from './position';

export type FeedState = 'connecting' | 'open' | 'offline';

export interface FeedOptions {
  /** "/v1/broadcasts/<id>/feed" or "/v1/shops/<id>/feed". */
  path: string;
  /** The view session that heartbeats and clicks belong to. */
  session?: string;
  /** Leave to follow what is not for everybody. */
  grant?: string;
  /** The path is another server's: our cookies stay at home. */
  foreign?: boolean;
  /** Where messages go up while there is no WebSocket; without it server-sent events have no way up. */
  signals?: string;
  onEvent: (event: FeedEvent) => void;
  /** What the server answers to what went up, for this reader alone. */
  onAnswer?: (answer: unknown) => void;
  /**
   * Something was missed. Load the scene anew (after a random wait: thousands may have missed it at once, see
   * spreadSceneReload) and call follow with its position.
   */
  onGap: () => void;
  onState?: (state: FeedState) => void;
  /** A connection did not open: a browser does not tell whether nobody answered or the server refused. */
  onUnopened?: () => void;
}

/** How many WebSockets may fail before one opens until we go over to server-sent events. */
const webSocketFailuresMax = 2;
/** Events remembered by id, so that one that comes twice is taken once. */
const seenMax = 512;
/** Messages kept while there is no connection, and sent in one request where there is no WebSocket; the oldest go first. */
const outboxMax = 32;
/** Without a WebSocket messages wait this long for company. */
const signalsMilliseconds = 1000;

/**
 * Feed follows a topic: WebSocket, and server-sent events where a proxy does not let one through. It resumes from the
 * last position that it accounted for.
 */
export class Feed {
  private position = '';
  private socket: WebSocket | undefined;
  private source: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private webSocketFailures = 0;
  private everOpen = false;
  private closed = true;
  private seen = new Set<string>();
  private outbox: string[] = [];
  private signalTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: FeedOptions) {}

  /** follow starts, or starts again, from a position: the scene's. */
  follow(position: string): void {
    this.position = position;
    if (this.closed) {
      this.closed = false;
      addEventListener('online', this.onOnline);
      addEventListener('offline', this.onOffline);
      document.addEventListener('visibilitychange', this.onVisible);
    }
    this.disconnect();
    this.connect();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.signalTimer);
    if (this.signalTimer !== undefined) this.post();
    removeEventListener('online', this.onOnline);
    removeEventListener('offline', this.onOffline);
    document.removeEventListener('visibilitychange', this.onVisible);
    this.disconnect();
  }

  /** ask sends a message that is answered, and says whether there is a way up for it now. */
  ask(message: Record<string, unknown>): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** send goes up the WebSocket, or in batches by POST beside server-sent events. What waits is bounded. */
  send(message: Record<string, unknown>): void {
    const text = JSON.stringify(message);
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(text);
      return;
    }
    const beside = this.source?.readyState === EventSource.OPEN && this.options.signals !== undefined;
    // A heartbeat tells of now: late it is worth nothing.
    if (message['kind'] === 'heartbeat' && !beside) return;
    this.outbox.push(text);
    if (this.outbox.length > outboxMax) this.outbox.shift();
    if (beside) this.signalTimer ??= setTimeout(() => this.post(), signalsMilliseconds);
  }

  private post(): void {
    this.signalTimer = undefined;
    const signals = this.outbox.splice(0);
    if (signals.length === 0 || !this.options.signals) return;
    const body = `{"session":${JSON.stringify(this.options.session ?? '')},"signals":[${signals.join(',')}]}`;
    const headers = { 'Content-Type': 'application/json' };
    // What is lost here was worth one look at a card: it is not sent again.
    void fetch(this.options.signals, { method: 'POST', body, headers, keepalive: true }).catch(() => undefined);
  }

  private connect(): void {
    clearTimeout(this.timer);
    if (this.closed) return;
    this.options.onState?.(navigator.onLine === false ? 'offline' : 'connecting');
    if (this.webSocketFailures >= webSocketFailuresMax && !this.everOpen) this.connectSource();
    else this.connectSocket();
  }

  private url(protocol: string): string {
    const url = new URL(this.options.path, location.href);
    if (protocol === 'ws') url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('since', this.position);
    if (this.options.session) url.searchParams.set('session', this.options.session);
    if (this.options.grant) url.searchParams.set('grant', this.options.grant);
    return url.href;
  }

  private connectSocket(): void {
    const socket = new WebSocket(this.url('ws'));
    this.socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.everOpen = true;
      this.onOpen();
      for (const text of this.outbox.splice(0)) socket.send(text);
    };
    socket.onmessage = (message) => {
      if (socket === this.socket && typeof message.data === 'string') this.onText(message.data);
    };
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.socket = undefined;
      if (!opened) {
        this.webSocketFailures++;
        this.options.onUnopened?.();
      }
      this.retry();
    };
  }

  private connectSource(): void {
    const source = new EventSource(this.url('http'), { withCredentials: !this.options.foreign });
    this.source = source;
    source.onopen = () => this.onOpen();
    source.onmessage = (message) => {
      if (source === this.source) this.onText(String(message.data));
    };
    source.onerror = () => {
      if (source !== this.source) return;
      // Its own reconnect would ask from the old position.
      source.close();
      this.source = undefined;
      this.retry();
    };
  }

  private onOpen(): void {
    this.attempt = 0;
    this.options.onState?.('open');
  }

  private onText(text: string): void {
    let frame: (Partial<FeedFrame> & { gap?: boolean; answer?: unknown }) | undefined;
    try {
      frame = JSON.parse(text) as typeof frame;
    } catch {
      return;
    }
    if (frame?.answer !== undefined) {
      this.options.onAnswer?.(frame.answer);
      return;
    }
    if (frame?.gap) {
      this.lost();
      return;
    }
    if (!frame?.from || !frame.to) return;
    const verdict = judge(this.position, { from: frame.from, to: frame.to });
    if (verdict === 'gap') this.lost();
    if (verdict !== 'take') return;
    this.position = frame.to;
    for (const event of frame.events ?? []) this.deliver(event);
  }

  private deliver(event: FeedEvent): void {
    if (event.id) {
      if (this.seen.has(event.id)) return;
      this.seen.add(event.id);
      if (this.seen.size > seenMax) this.seen.delete(this.seen.values().next().value!);
    }
    this.options.onEvent(event);
  }

  private lost(): void {
    this.disconnect();
    this.options.onGap();
  }

  private retry(): void {
    if (this.closed) return;
    this.options.onState?.(navigator.onLine === false ? 'offline' : 'connecting');
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), backoff(this.attempt++));
  }

  private disconnect(): void {
    clearTimeout(this.timer);
    const { socket, source } = this;
    this.socket = undefined;
    this.source = undefined;
    socket?.close();
    source?.close();
  }

  private onOnline = (): void => {
    this.attempt = 0;
    this.disconnect();
    this.connect();
  };

  private onOffline = (): void => {
    this.options.onState?.('offline');
  };

  private onVisible = (): void => {
    // After sleep a socket may be dead without saying so; a dead one is already retried, an idle one stays.
    if (document.visibilityState === 'visible' && !this.socket && !this.source) this.onOnline();
  };
}

/** spreadSceneReload is the random wait, in milliseconds, before a scene is loaded again after a gap. */
export function spreadSceneReload(random: () => number = Math.random): number {
  return Math.round(random() * 5000);
}
