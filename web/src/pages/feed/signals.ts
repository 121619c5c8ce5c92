// What this page says about what was seen: few messages, and the last one even as the page goes.

/** After this long on the screen an item counts as seen. */
export const seenMilliseconds = 1000;
const sendMilliseconds = 5000;
const batchMax = 50;

interface Signal {
  item: string;
  kind: 'impression' | 'watch';
  watched_ms?: number;
  boosted?: boolean;
}

/** Signals gathers and sends. What cannot be sent is lost: it is a count among many. */
export class Signals {
  private waiting: Signal[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: (body: string) => void = beacon) {}

  impression(item: string, boosted: boolean): void {
    this.add(boosted ? { item, kind: 'impression', boosted } : { item, kind: 'impression' });
  }

  watched(item: string, milliseconds: number): void {
    this.add({ item, kind: 'watch', watched_ms: Math.max(0, Math.round(milliseconds)) });
  }

  /** flush sends what waits. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (let at = 0; at < this.waiting.length; at += batchMax)
      this.send(JSON.stringify({ signals: this.waiting.slice(at, at + batchMax) }));
    this.waiting = [];
  }

  private add(signal: Signal): void {
    this.waiting.push(signal);
    if (this.waiting.length >= batchMax) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), sendMilliseconds);
  }
}

function beacon(body: string): void {
  fetch('/v1/feed/signals', {
    method: 'POST',
    body,
    keepalive: true,
    headers: { 'Content-Type': 'application/json' },
  }).catch(() => undefined);
}
