import { useEffect, useState } from 'preact/hooks';
import trashIcon from 'lucide-static/icons/trash-2.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useLoad } from '../../api/load';
import type { Broadcast, Page } from '../../api/types';
import { clock } from '../../i18n/format';
import { Hold } from '../../manage/Hold';
import { Button } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { Sheet } from '../../ui/Sheet';
import { Skeleton } from '../../ui/Skeleton';
import { t } from './messages';
import { place, whole, type Download, type PinRecord, type Recording } from './types';

const second = 1e6;

interface Props {
  show: Broadcast;
  onClose: () => void;
  onMade: () => void;
}

/** CutSheet chooses a range on the show's timeline: to look at, to keep as a clip, to download. */
export function CutSheet({ show, onClose, onMade }: Props) {
  const recording = useLoad(
    (signal) => api.get<Recording>(`/v1/broadcasts/${show.id}/recording`, undefined, signal),
    [show.id],
  );
  const pins = useLoad(
    (signal) => api.get<Page<PinRecord>>(`/v1/broadcasts/${show.id}/pins`, undefined, signal),
    [show.id],
  );
  const all = recording.data && whole(recording.data);
  const [from, setFrom] = useState(0);
  const [until, setUntil] = useState(0);
  const [title, setTitle] = useState(show.title);
  const [preview, setPreview] = useState<string>();
  const [busy, setBusy] = useState('');
  const [said, setSaid] = useState<string>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    if (!all || until > 0) return;
    setFrom(all.from);
    setUntil(Math.min(all.until, all.from + 30 * second));
  }, [all?.from, all?.until]);
  const change = (what: 'from' | 'until', at: number) => {
    setPreview(undefined);
    if (what === 'from') setFrom(Math.min(at, until - second));
    else setUntil(Math.max(at, from + second));
  };
  const act = async (name: string, work: () => Promise<void>) => {
    setBusy(name);
    setError(undefined);
    setSaid(undefined);
    try {
      await work();
    } catch (cause) {
      setError(explain(cause));
    }
    setBusy('');
  };
  const file = () =>
    api.post<Download>(`/v1/broadcasts/${show.id}/downloads`, { from: Math.round(from), until: Math.round(until) });
  const make = () =>
    act('make', async () => {
      await api.post(
        `/v1/broadcasts/${show.id}/clips`,
        { from: Math.round(from), until: Math.round(until), title: title.trim() },
        { idempotencyKey: crypto.randomUUID() },
      );
      setSaid(t('made'));
      onMade();
    });
  return (
    <Sheet title={show.title} open onClose={onClose}>
      {!recording.data ? (
        <Skeleton height="120px" />
      ) : !all ? (
        <p class="muted">{t('nothing')}</p>
      ) : (
        <div class="stack cut">
          {preview && <video class="cut-preview" src={preview} controls autoplay playsInline />}
          <div class="cut-line" dir="ltr">
            {(recording.data.stretches ?? []).map((one) => (
              <span key={one.from} class="cut-kept" style={span(one.from, one.until, all)} />
            ))}
            {(pins.data?.items ?? []).map((pin) => (
              <button
                key={pin.id}
                type="button"
                class="cut-pin"
                data-from={pin.from}
                style={span(pin.from, pin.until ?? all.until, all)}
                aria-label={`${clock(pin.from / second)} – ${clock((pin.until ?? all.until) / second)}`}
                onClick={() => {
                  setPreview(undefined);
                  setFrom(pin.from);
                  setUntil(Math.max(pin.until ?? all.until, pin.from + second));
                }}
              />
            ))}
            <span class="cut-range" style={span(from, until, all)} />
          </div>
          <div class="cut-ends">
            {(['from', 'until'] as const).map((name) => (
              <label key={name} class="cut-end">
                <span class="small muted">
                  {t(name)} <bdi>{clock((name === 'from' ? from : until) / second)}</bdi>
                </span>
                <input
                  type="range"
                  dir="ltr"
                  name={name}
                  min={all.from / second}
                  max={all.until / second}
                  step={0.1}
                  value={(name === 'from' ? from : until) / second}
                  onInput={(event) => change(name, Number(event.currentTarget.value) * second)}
                />
              </label>
            ))}
          </div>
          <p class="small muted">
            {t('length', { length: clock((until - from) / second) })}
            {recording.data.stretches.length > 1 ? `, ${t('gaps')}` : ''}
          </p>
          <Field
            label={t('name')}
            dir="auto"
            maxLength={120}
            value={title}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
          {error && (
            <p class="form-error" role="alert">
              {error}
            </p>
          )}
          {said && <p role="status">{said}</p>}
          <div class="cut-actions">
            <Button kind="accent" busy={busy === 'make'} onClick={() => void make()}>
              {t('make')}
            </Button>
            <Button
              busy={busy === 'preview'}
              onClick={() => void act('preview', async () => setPreview((await file()).url))}
            >
              {t('preview')}
            </Button>
            <Button
              busy={busy === 'file'}
              onClick={() => void act('file', async () => location.assign((await file()).url))}
            >
              {t('download')}
            </Button>
          </div>
          {show.state === 'ended' && (
            <>
              <Hold
                svg={trashIcon}
                wide
                busy={busy === 'remove'}
                onHold={() =>
                  void act('remove', async () => {
                    await api.delete(`/v1/broadcasts/${show.id}/recording`);
                    recording.reload();
                  })
                }
              >
                {t('removeRecording')}
              </Hold>
              <p class="small muted">{t('removeRecordingText')}</p>
            </>
          )}
        </div>
      )}
    </Sheet>
  );
}

function span(from: number, until: number, all: { from: number; until: number }) {
  const left = place(from, all);
  return { left: `${left}%`, width: `${Math.max(place(until, all) - left, 0.5)}%` };
}
