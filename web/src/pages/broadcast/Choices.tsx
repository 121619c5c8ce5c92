import { useEffect, useState } from 'preact/hooks';
import { number } from '../../i18n/format';
import type { Quality } from '../../player';
import type { Room, RoomView } from '../../room/room';
import { Chips } from '../../ui/Field';
import { t } from './messages';

/** Choices are how to watch: the picture's quality, captions, and figures for who wonders. */
export function Choices({ room, view, stats, onStats }: ChoicesProps) {
  return (
    <>
      <QualityChoice room={room} view={view} />
      <Captions room={room} />
      <Switch label={t('stats')} note={t('statsText')} checked={stats} onChange={onStats} />
    </>
  );
}

interface ChoicesProps {
  room: Room;
  view: RoomView;
  stats: boolean;
  onStats: (shown: boolean) => void;
}

const auto = '';

function QualityChoice({ room, view }: { room: Room; view: RoomView }) {
  // The best first, whatever order the transport names them in.
  const sorted = [...view.qualities].sort((a, b) => (b.height ?? b.bitrate ?? 0) - (a.height ?? a.bitrate ?? 0));
  const options = [
    { value: auto, label: t('qualityAuto') },
    ...sorted.map((one) => ({ value: one.name, label: qualityLabel(one), note: rate(one) })),
  ];
  return (
    <div class="choice">
      <Chips
        label={t('quality')}
        value={view.quality ?? auto}
        options={options}
        onChange={(name) => room.choose(name === auto ? undefined : name)}
      />
      {sorted.length === 0 && <p class="muted small">{t('qualityOne')}</p>}
    </div>
  );
}

/** qualityLabel names a picture by its lines, where they are known: the short side, as people do. */
export function qualityLabel({ name, width, height }: Quality): string {
  if (!height) return name === 'main' ? t('qualitySource') : name;
  const lines = `${Math.min(width ?? height, height)}p`;
  return name === 'main' ? t('qualitySourceLines', { lines }) : lines;
}

function rate({ bitrate }: Quality): string | undefined {
  return bitrate ? t('megabits', { rate: number(bitrate / 1e6, { maximumFractionDigits: 1 }) }) : undefined;
}

/** Captions are switched where a show has some; the place is there always, so that nobody looks for it in vain. */
function Captions({ room }: { room: Room }) {
  const [state, setState] = useState(() => room.captions());
  useEffect(() => room.onCaptions(setState), [room]);
  return (
    <Switch
      label={t('captions')}
      note={state === undefined ? t('captionsNone') : undefined}
      disabled={state === undefined}
      checked={state === true}
      onChange={(shown) => room.showCaptions(shown)}
    />
  );
}

interface SwitchProps {
  label: string;
  note?: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}

function Switch({ label, note, checked, disabled, onChange }: SwitchProps) {
  return (
    <label class={disabled ? 'more-consent more-off' : 'more-consent'}>
      <input
        type="checkbox"
        role="switch"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>
        {label}
        {note && <small class="muted">{note}</small>}
      </span>
    </label>
  );
}
