import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import off from 'lucide-static/icons/captions-off.svg?raw';
import on from 'lucide-static/icons/captions.svg?raw';
import { captionTracks, chooseCaptions, onCaptions, raiseCaptions } from '../../player/captions';
import { Icon } from '../../ui/Icon';
import { t } from './messages';

/** The bar and a card stand below what is said. */
const linesBelow = 6;

/** CaptionMenu chooses among what a video is captioned in; nothing where it is not. */
export function CaptionMenu({ element }: { element: RefObject<HTMLVideoElement | null> }) {
  const [, render] = useState(0);
  useEffect(() => onCaptions(element.current!, () => render((n) => n + 1)), []);
  useEffect(() => raiseCaptions(element.current!, linesBelow), []);
  const tracks = element.current ? captionTracks(element.current) : [];
  if (tracks.length === 0) return null;
  const chosen = tracks.findIndex((track) => track.mode === 'showing');
  return (
    <label class="short-captions" title={t('captions')}>
      <Icon svg={chosen < 0 ? off : on} size={22} />
      <select
        aria-label={t('captions')}
        value={chosen}
        onChange={(event) => chooseCaptions(element.current!, Number(event.currentTarget.value))}
      >
        <option value={-1}>{t('captionsOff')}</option>
        {tracks.map((track, n) => (
          <option key={n} value={n} lang={track.language}>
            {track.label || track.language}
          </option>
        ))}
      </select>
    </label>
  );
}
