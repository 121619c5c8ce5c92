import { ApiError } from '../api/client';
import type { Watch } from '../api/types';
import { language } from '../i18n/language';
import type { Place } from './place';
import { hasConsent, storedVisitor, storeVisitor } from './visitor';

/** Nobody asks more often than this whether they may watch after all. */
const againMilliseconds = 10_000;

/** Entrance begins a viewer's visit, and brings the leave to watch what is not for everybody. */
export class Entrance {
  /** The server's name for this visit; orders, clicks and impressions carry it. */
  session: string | undefined;
  private answer: Promise<Watch | undefined> = Promise.resolve(undefined);
  private askedAt = -Infinity;
  private readonly told = new Set<'feed' | 'player'>();

  constructor(
    private readonly place: Place,
    private readonly path: string,
    private readonly onAnswer: (watch: Watch) => void,
    private readonly onBanned: () => void = () => undefined,
  ) {}

  /** watch is what the server answered last, once it has; undefined where it gave no leave. */
  get watch(): Promise<Watch | undefined> {
    return this.answer;
  }

  async grant(): Promise<string | undefined> {
    return (await this.answer)?.grant;
  }

  ask(): void {
    this.answer = this.post(this.answer);
  }

  /**
   * again asks anew after a refusal: the leave may have been taken back, or be another by now. Feed and player are
   * refused together and asked for once; it says whether the answer is news to the one that was refused.
   */
  again(refused: 'feed' | 'player'): boolean {
    const now = performance.now();
    if (now - this.askedAt >= againMilliseconds) {
      this.askedAt = now;
      this.told.clear();
      this.ask();
    }
    if (this.told.has(refused)) return false;
    this.told.add(refused);
    return true;
  }

  private async post(before: Promise<Watch | undefined>): Promise<Watch | undefined> {
    const { client, token, source } = this.place;
    const { grant } = (await before) ?? {};
    try {
      const watch = await client.post<Watch>(`${this.path}/watch`, {
        visitor: storedVisitor(),
        consent: hasConsent(),
        language: language.get(),
        source,
        token,
        grant,
      });
      storeVisitor(watch.visitor);
      this.session = watch.view_session;
      this.onAnswer(watch);
      return watch;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'banned') this.onBanned();
      return undefined; // Watching goes on without being counted.
    }
  }
}
