import { useEffect, useState } from 'preact/hooks';
import pause from 'lucide-static/icons/pause.svg?raw';
import play from 'lucide-static/icons/play.svg?raw';
import { clock } from '../../i18n/format';
import type { Room } from '../../room/room';
import type { Progress } from '../../room/view';
import { Button, IconButton } from '../../ui/Button';
import { t } from './messages';

/** ReplayBar is where a recording plays, or a show that was wound back, and how to stop and move it. */
export function ReplayBar({ room, live }: { room: Room; live: boolean }) {
  const [progress, setProgress] = useState<Progress>({ from: 0, time: 0, length: 0, paused: true });
  useEffect(() => room.onProgress(setProgress), [room]);
  const { from, time, length, paused } = progress;
  const text = live ? t('behind', { by: clock(length - time) }) : t('position', { at: clock(time), of: clock(length) });
  return (
    <div class="replay-bar">
      <IconButton svg={paused ? play : pause} label={paused ? t('play') : t('pause')} onClick={() => room.toggle()} />
      <input
        type="range"
        min={from}
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
      {live && <Button onClick={() => room.toLive()}>{t('toLive')}</Button>}
    </div>
  );
}
