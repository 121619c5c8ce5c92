import { useEffect, useState } from 'preact/hooks';
import pause from 'lucide-static/icons/pause.svg?raw';
import play from 'lucide-static/icons/play.svg?raw';
import { clock } from '../../i18n/format';
import type { Progress, Room } from '../../room/room';
import { IconButton } from '../../ui/Button';
import { t } from './messages';

/** ReplayBar is where a recording plays, and how to stop and move it. */
export function ReplayBar({ room }: { room: Room }) {
  const [progress, setProgress] = useState<Progress>({ time: 0, length: 0, paused: true });
  useEffect(() => room.onProgress(setProgress), [room]);
  const { time, length, paused } = progress;
  const text = t('position', { at: clock(time), of: clock(length) });
  return (
    <div class="replay-bar">
      <IconButton svg={paused ? play : pause} label={paused ? t('play') : t('pause')} onClick={() => room.toggle()} />
      <input
        type="range"
        min={0}
        max={length}
        step={0.1}
        value={time}
        aria-label={t('seek')}
        aria-valuetext={text}
        onInput={(event) => room.seek(Number(event.currentTarget.value))}
      />
      <span class="tabular" aria-hidden="true">
        {text}
      </span>
    </div>
  );
}
