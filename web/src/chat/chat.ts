import { ApiError, type Client } from '../api/client';
import type { FeedEvent, MediaTime } from '../api/types';
import { createStore, type Store } from '../app/value';
import { Release } from '../player/release';
import { add, before, isChat, linesBackMax, linesMax, upTo, without } from './lines';
import type { Answer, ChatRules, ChatScene, Line, Standing } from './types';

export interface ChatView {
  loaded: boolean;
  lines: Line[];
  rules: ChatRules;
  announcement: string;
  pinned?: Line;
  likes: number;
  /** undefined: not known yet. */
  me?: Standing;
  /** Why the last line was not taken, or that it waits. */
  notice?: { code: string; until?: number };
  /** Until when slow mode lasts for this viewer, as performance.now tells the time. */
  slowUntil?: number;
  /** There may be messages before the oldest line. */
  older: boolean;
  /** Rises with each change of what moderators look at. */
  waiting: number;
}

/** Ways are what the chat needs of the room that it belongs to. */
export interface Ways {
  client: Client;
  path: string;
  grant: () => string | undefined;
  /** ask sends a message up the feed, and says whether that is open. */
  ask: (message: Record<string, unknown>) => boolean;
  mediaTime: () => MediaTime | undefined;
  /** Lines are shown as they come: nobody is kept from knowing more than the picture. */
  atOnce?: boolean;
}

const tapsTogether = 5;
const tapsEveryMilliseconds = 500;
const replayWindow = 60_000_000;
const replayShown = 50;
const olderPage = 50;

/** Chat is what is said beside a broadcast, as one viewer sees it. */
export class Chat {
  readonly view: Store<ChatView> = createStore<ChatView>({
    loaded: false,
    lines: [],
    rules: { off: false, slow_seconds: 0, followers_only: false },
    announcement: '',
    likes: 0,
    older: false,
    waiting: 0,
  });

  private version = 0;
  private taps = 0;
  private tapTimer: ReturnType<typeof setTimeout> | undefined;
  private hearts = new Set<(count: number) => void>();
  private refs = 0;
  private replay: { from: MediaTime; until: MediaTime; lines: Line[] } | undefined;
  private loadingReplay = false;
  private back = false;
  private readingBack = false;
  private shown = '';
  /** Lines wait for their frame: nobody reads of what they have not seen yet. */
  private readonly release = new Release<Line>({ deliver: (line) => this.show([line]) });

  constructor(private readonly ways: Ways) {}

  /** load reads the chat as it is; call it after the scene, whose position the feed follows. */
  async load(): Promise<void> {
    const { client, path, grant } = this.ways;
    try {
      const scene = await client.get<ChatScene>(`${path}/chat`, { grant: grant() });
      this.version = scene.version;
      const { rules, announcement, pinned, likes } = scene;
      const shown = this.view.get().lines;
      // What is shown already goes further back than the newest page.
      const lines = this.replay
        ? shown
        : this.back
          ? add(shown, scene.messages, linesBackMax)
          : add(scene.messages, shown);
      if (!this.back) this.update({ older: !this.replay && scene.messages.length >= olderPage });
      this.update({ loaded: true, rules, announcement, pinned, likes: Math.max(likes, this.view.get().likes), lines });
    } catch {
      this.update({ loaded: true }); // the next load says it
    }
    await this.loadMe();
  }

  /** readBack brings the page before the oldest line, and keeps what is read until the reader is at the newest again. */
  async readBack(): Promise<void> {
    const first = this.view.get().lines[0];
    if (!first || !this.view.get().older || this.readingBack || this.replay) return;
    this.readingBack = true;
    const { client, path, grant } = this.ways;
    try {
      const query = { before: first.id, limit: String(olderPage), grant: grant() };
      const { items } = await client.get<{ items: Line[] }>(`${path}/chat/messages`, query);
      const { lines } = this.view.get();
      // The room was turned off or is a replay by now, or the reader has gone back to the newest: it is of no use.
      if (this.replay || lines[0]?.id !== first.id) return;
      this.back = true;
      const all = before(lines, items);
      this.update({ lines: all, older: items.length >= olderPage && all.length < linesBackMax });
    } catch {
      // The reader asks again by scrolling.
    } finally {
      this.readingBack = false;
    }
  }

  /** toNewest forgets what was read back. */
  toNewest(): void {
    if (!this.back) return;
    this.back = false;
    const { lines } = this.view.get();
    this.update({ lines: lines.slice(-linesMax), older: lines.length > linesMax || this.view.get().older });
  }

  async loadMe(): Promise<void> {
    const { client, path, grant } = this.ways;
    const me = await client.get<Standing>(`${path}/chat/me`, { grant: grant() }).catch(() => undefined);
    if (me) this.update({ me });
  }

  /** event takes one of the feed's, and says whether it was the chat's. */
  event(event: FeedEvent): boolean {
    if (!isChat(event)) return false;
    const data = (event.data ?? {}) as Record<string, unknown>;
    switch (event.kind) {
      case 'chat.said':
        this.release.hold(data as unknown as Line, this.ways.atOnce ? 0 : event.media_time);
        break;
      case 'chat.removed':
        this.drop((one) => (data['ids'] as string[]).includes(one.id));
        break;
      case 'chat.silenced':
        this.silenced(data as { author: string; kind: string; until?: number; removed?: boolean });
        break;
      case 'chat.pinned':
        if (this.newer(data)) this.update({ pinned: (data['message'] as Line | null) ?? undefined });
        break;
      case 'chat.announced':
        if (this.newer(data)) this.update({ announcement: String(data['text'] ?? '') });
        break;
      case 'chat.ruled':
        this.update({ rules: data as unknown as ChatRules });
        if ((data as unknown as ChatRules).off) this.update({ lines: [], pinned: undefined });
        else if (this.view.get().lines.length === 0) void this.load();
        break;
      case 'chat.waiting':
        this.update({ waiting: this.view.get().waiting + 1 });
        break;
      case 'likes.changed':
        this.liked(Number(data['likes']));
        break;
    }
    return true;
  }

  /** frame tells which frame is on the screen; of a replay what had been said by then is shown. */
  frame(at: MediaTime, replay: boolean): void {
    if (replay) {
      this.replayAt(at);
      return;
    }
    if (this.replay) {
      this.replay = undefined; // back at the live edge
      this.update({ lines: [] });
      void this.load();
    }
    this.release.advance(at);
  }

  /** flush shows what waits for a picture that does not come. */
  flush(): void {
    this.release.flush();
  }

  /** say says something; what became of it stands in the view. It is true when the line was taken. */
  async say(text: string, reply?: string): Promise<boolean> {
    const ref = `${Date.now().toString(36)}-${this.refs++}`;
    const media_time = this.ways.mediaTime();
    const body = { text, reply_to: reply, media_time: media_time && Math.round(media_time), ref };
    if (this.ways.ask({ kind: 'chat', ...body })) {
      return new Promise((done) => {
        const timer = setTimeout(() => done(this.answered({ kind: 'chat', ref, code: 'busy' })), 8000);
        this.waitingFor.set(ref, (answer) => {
          clearTimeout(timer);
          done(this.answered(answer));
        });
      });
    }
    const { client, path, grant } = this.ways;
    const query = grant() ? `?grant=${encodeURIComponent(grant()!)}` : '';
    try {
      const out = await client.post<Answer>(`${path}/chat/messages${query}`, body);
      return this.answered({ ...out, kind: 'chat', ref });
    } catch (error) {
      const api = error instanceof ApiError ? error : undefined;
      return this.answered({ kind: 'chat', ref, code: api?.code || 'busy', wait_ms: (api?.retryAfter ?? 0) * 1000 });
    }
  }

  private readonly waitingFor = new Map<string, (answer: Answer) => void>();

  /** answer takes what the feed says to this viewer alone. */
  answer(answer: Answer): void {
    if (answer.kind !== 'chat') return;
    const done = this.waitingFor.get(answer.ref);
    this.waitingFor.delete(answer.ref);
    done?.(answer);
  }

  private answered({ code, state, message, wait_ms }: Answer): boolean {
    if (code) {
      const until = wait_ms ? Date.now() + wait_ms : undefined;
      this.update({
        notice: { code, until },
        ...(code === 'slow-mode' && wait_ms && { slowUntil: performance.now() + wait_ms }),
      });
      if (code === 'muted' || code === 'banned') void this.loadMe();
      return false;
    }
    this.update({
      notice: state === 'held' ? { code: 'held' } : undefined,
      slowUntil: wait_ms ? performance.now() + wait_ms : undefined,
    });
    if (message && state === 'shown') this.show([message]); // one's own waits for no frame
    return true;
  }

  /** like counts a tap; several go up together. */
  like(): void {
    this.taps = Math.min(this.taps + 1, tapsTogether);
    for (const heart of this.hearts) heart(1);
    this.tapTimer ??= setTimeout(() => {
      this.tapTimer = undefined;
      const { taps } = this;
      this.taps = 0;
      if (this.ways.ask({ kind: 'like', taps })) return;
      const query = this.ways.grant() ? `?grant=${encodeURIComponent(this.ways.grant()!)}` : '';
      this.ways.client.post(`${this.ways.path}/likes${query}`, { taps }).catch(() => undefined);
    }, tapsEveryMilliseconds);
  }

  /** onHearts tells how many hearts should rise now. */
  onHearts(listener: (count: number) => void): () => void {
    this.hearts.add(listener);
    return () => this.hearts.delete(listener);
  }

  async report(id: string, reason: string): Promise<void> {
    const query = this.ways.grant() ? `?grant=${encodeURIComponent(this.ways.grant()!)}` : '';
    await this.ways.client.post(`${this.ways.path}/chat/messages/${id}/reports${query}`, { reason });
  }

  dismiss(): void {
    this.update({ notice: undefined });
  }

  private liked(likes: number): void {
    const before = this.view.get().likes;
    if (!(likes > before)) return; // of several nodes the greatest counts
    this.update({ likes });
    if (before > 0) for (const heart of this.hearts) heart(Math.min(8, likes - before));
  }

  private newer(data: Record<string, unknown>): boolean {
    const version = Number(data['version'] ?? 0);
    if (version <= this.version) return false;
    this.version = version;
    return true;
  }

  private show(lines: Line[]): void {
    if (this.replay) return;
    const before = this.view.get();
    const now = add(before.lines, lines, this.back ? linesBackMax : linesMax);
    const dropped = before.lines.length > 0 && now[0] !== before.lines[0];
    this.update(dropped ? { lines: now, older: true } : { lines: now });
  }

  private drop(gone: (one: { id: string; author: string }) => boolean): void {
    const { lines, pinned } = this.view.get();
    if (this.replay) this.replay.lines = without(this.replay.lines, gone);
    this.update({ lines: without(lines, gone), pinned: pinned && gone(pinned) ? undefined : pinned });
  }

  private silenced({
    author,
    kind,
    until,
    removed,
  }: {
    author: string;
    kind: string;
    until?: number;
    removed?: boolean;
  }): void {
    if (removed) this.drop((one) => one.author === author);
    const { me } = this.view.get();
    if (me?.author !== author) return;
    const code = kind === 'ban' ? 'banned' : kind === 'mute' ? 'muted' : undefined;
    this.update({ me: { ...me, code, until }, notice: undefined });
  }

  /** replayAt shows what had been said by a frame, and fetches around it. */
  private replayAt(at: MediaTime): void {
    const { replay } = this;
    if (!replay || at < replay.from || at + replayWindow / 2 > replay.until) void this.loadReplay(at);
    if (!this.replay) return;
    const lines = upTo(this.replay.lines, at, replayShown);
    const shown = `${lines[0]?.id} ${lines.at(-1)?.id} ${lines.length}`;
    if (shown === this.shown) return;
    this.shown = shown;
    this.update({ lines });
  }

  private async loadReplay(at: MediaTime): Promise<void> {
    if (this.loadingReplay) return;
    this.loadingReplay = true;
    const { client, path, grant } = this.ways;
    const from = Math.max(0, Math.round(at) - replayWindow);
    const until = Math.round(at) + 2 * replayWindow;
    try {
      const lines: Line[] = [];
      for (let last: Line | undefined; ;) {
        const page = await client.get<{ items: Line[] }>(`${path}/chat/messages`, {
          from: last?.media_time ?? from,
          until,
          after: last?.id,
          limit: 200,
          grant: grant(),
        });
        lines.push(...page.items);
        last = page.items.at(-1);
        if (page.items.length < 200 || lines.length >= 2000) break;
      }
      this.replay = { from, until, lines };
      this.shown = '';
    } catch {
      this.replay ??= undefined;
    } finally {
      setTimeout(() => (this.loadingReplay = false), 1000);
    }
  }

  private update(change: Partial<ChatView>): void {
    this.view.set({ ...this.view.get(), ...change });
  }
}
