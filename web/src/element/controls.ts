import volume from 'lucide-static/icons/volume-2.svg?raw';
import volumeOff from 'lucide-static/icons/volume-x.svg?raw';
import type { RoomView } from '../room/room';
import type { Words } from './words';

export interface ControlsOptions {
  play: () => void;
  unmute: () => void;
  mute: () => void;
  choose: (quality: string | undefined) => void;
}

/** Controls are what lies over the picture besides the cards: how it stands, sound and quality. */
export class Controls {
  private readonly live = document.createElement('span');
  private readonly quality = document.createElement('select');
  private readonly sound = document.createElement('button');
  private readonly said = document.createElement('p');
  private readonly play = document.createElement('button');
  private readonly tap = document.createElement('button');
  private listed = '';
  private muted = true;

  constructor(
    root: ShadowRoot,
    private readonly words: () => Words,
    options: ControlsOptions,
  ) {
    const top = root.appendChild(document.createElement('div'));
    top.className = 'top';
    top.append(this.live, this.quality, this.sound);
    this.live.className = 'live';
    this.sound.className = 'round';
    const middle = root.appendChild(document.createElement('div'));
    middle.className = 'middle';
    middle.append(this.said, this.play, this.tap);
    this.said.className = 'said';
    this.said.setAttribute('role', 'status');
    this.play.className = 'accent';
    this.tap.className = 'tap';
    for (const button of [this.sound, this.play, this.tap]) button.type = 'button';
    this.play.addEventListener('click', () => {
      options.play();
      options.unmute();
    });
    this.tap.addEventListener('click', options.unmute);
    this.sound.addEventListener('click', () => (this.muted ? options.unmute() : options.mute()));
    this.quality.addEventListener('change', () => options.choose(this.quality.value || undefined));
  }

  /** show brings all of it up to date; without a view nothing plays. */
  show(view: RoomView | undefined, wanted: boolean): void {
    const words = this.words();
    const playing = view?.player === 'playing';
    this.muted = view?.muted ?? true;
    const state = view?.overlay?.state;
    set(this.live, words.live, wanted && playing && (state === 'live' || state === 'interrupted'));
    this.sound.hidden = !wanted || !playing;
    const sound = this.muted ? words.sound : words.mute;
    if (this.sound.getAttribute('aria-label') !== sound) {
      this.sound.setAttribute('aria-label', sound);
      this.sound.innerHTML = this.muted ? volumeOff : volume;
    }
    set(this.tap, words.tapForSound, wanted && playing && this.muted);
    set(this.play, words.play, wanted && (!view || view.player === 'blocked'));
    set(this.said, status(view, words), true);
    this.list(view, wanted, words);
  }

  private list(view: RoomView | undefined, wanted: boolean, words: Words): void {
    const qualities = view?.qualities ?? [];
    this.quality.hidden = !wanted || qualities.length < 2;
    const listed = JSON.stringify([qualities, words.automatic]);
    if (listed !== this.listed) {
      this.listed = listed;
      this.quality.setAttribute('aria-label', words.quality);
      const options = qualities.map(({ name, width, height }) => {
        return new Option(height ? `${Math.min(width ?? height, height)}p` : name, name);
      });
      this.quality.replaceChildren(new Option(words.automatic, ''), ...options);
    }
    this.quality.value = view?.quality ?? '';
  }
}

function set(element: HTMLElement, text: string, shown: boolean): void {
  const wanted = shown ? text : '';
  if (element.textContent !== wanted) element.textContent = wanted;
  element.hidden = wanted === '';
}

/** status is what is said while there is no picture. */
function status(view: RoomView | undefined, words: Words): string {
  if (!view) return '';
  if (view.phase === 'missing') return words.missing;
  if (view.phase === 'refused') return words.refused;
  const state = view.overlay?.state;
  if (state === 'ended' && !view.replay) return words.ended;
  if (state === 'draft' || state === 'scheduled') return words.notYet;
  if (view.player === 'refused') return words.refused;
  if (view.player === 'playing' || view.player === 'blocked') return '';
  if (state === 'interrupted') return words.away;
  return view.player === 'waiting' ? words.waiting : words.connecting;
}
