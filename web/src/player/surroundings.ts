// What happens around a player: pages are hidden, devices sleep, networks change.

export interface SurroundingsListener {
  /** The page is seen again, after so many milliseconds. */
  seen: (hiddenFor: number) => void;
  /** There may be another network now, or the device slept. */
  moved: () => void;
  /** The page is being left. */
  left: () => void;
  /** The browser had kept the page and shows it again. */
  back: () => void;
  /** Called a few times a second. */
  tick: () => void;
}

const tickMilliseconds = 300;
/** A clock that was stopped for longer slept. */
const sleptMilliseconds = 5000;

/** Surroundings listens to all of that until stop. */
export class Surroundings {
  private timer: ReturnType<typeof setInterval> | undefined;
  private tickedAt = 0;
  private hiddenAt: number | undefined;
  private network: string | undefined;

  constructor(private readonly listener: SurroundingsListener) {}

  start(): void {
    this.tickedAt = performance.now();
    this.network = connection()?.type;
    this.timer = setInterval(() => this.tick(), tickMilliseconds);
    document.addEventListener('visibilitychange', this.onVisibility);
    addEventListener('online', this.onOnline);
    addEventListener('pagehide', this.onPageHide);
    addEventListener('pageshow', this.onPageShow);
    connection()?.addEventListener('change', this.onNetwork);
  }

  stop(): void {
    clearInterval(this.timer);
    document.removeEventListener('visibilitychange', this.onVisibility);
    removeEventListener('online', this.onOnline);
    removeEventListener('pagehide', this.onPageHide);
    removeEventListener('pageshow', this.onPageShow);
    connection()?.removeEventListener('change', this.onNetwork);
  }

  private tick(): void {
    const now = performance.now();
    // Hidden pages tick slowly without having slept.
    const slept = now - this.tickedAt > sleptMilliseconds && document.visibilityState === 'visible' && !this.hiddenAt;
    this.tickedAt = now;
    if (slept) this.listener.moved();
    this.listener.tick();
  }

  private onVisibility = (): void => {
    const now = performance.now();
    if (document.visibilityState === 'hidden') {
      this.hiddenAt = now;
      return;
    }
    this.tickedAt = now;
    const hiddenFor = now - (this.hiddenAt ?? now);
    this.hiddenAt = undefined;
    this.listener.seen(hiddenFor);
  };

  private onOnline = (): void => this.listener.moved();

  private onNetwork = (): void => {
    // It also tells of every guess at the speed: only another kind of network is another network.
    const type = connection()?.type;
    if (type === this.network) return;
    this.network = type;
    if (navigator.onLine !== false) this.listener.moved();
  };

  private onPageHide = (): void => this.listener.left();

  private onPageShow = (event: PageTransitionEvent): void => {
    if (event.persisted) this.listener.back();
  };
}

interface NetworkInformation extends EventTarget {
  type?: string;
}

function connection(): NetworkInformation | undefined {
  return (navigator as Navigator & { connection?: NetworkInformation }).connection;
}
