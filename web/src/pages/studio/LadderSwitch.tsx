import { useState } from 'preact/hooks';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery, useLoad } from '../../api/load';
import type { components } from '../../api/schema';
import { Button } from '../../ui/Button';
import { toast } from '../../ui/Toast';
import { t } from './messages';

type Ladder = components['schemas']['Ladder'];

const words = {
  off: 'ladderOff',
  waiting: 'ladderWaiting',
  starting: 'ladderStarting',
  running: 'ladderRunning',
  failing: 'ladderFailing',
} as const;

/** LadderSwitch has smaller pictures made of a broadcast, for viewers on thin links. */
export function LadderSwitch({ broadcast }: { broadcast: string }) {
  const path = `/v1/broadcasts/${broadcast}/ladder`;
  const state = useLoad((signal) => api.get<Ladder>(path, undefined, signal), [path]);
  useEvery(3000, state.reload);
  const [busy, setBusy] = useState(false);
  if (!state.data) return null;
  const on = state.data.state !== 'off';
  const turn = async () => {
    setBusy(true);
    try {
      state.set(on ? await api.delete<Ladder>(path) : await api.put<Ladder>(path));
    } catch (error) {
      toast(explain(error), 'bad');
    } finally {
      setBusy(false);
    }
  };
  const sizes = (state.data.renditions ?? []).map((one) => one.name).join(', ');
  return (
    <section aria-label={t('ladder')} data-ladder={state.data.state}>
      <h2 class="panel-title">{t('ladder')}</h2>
      <div class="stack stack-tight">
        <p class="small muted">{t('ladderText')}</p>
        <p role="status">
          {t(words[state.data.state])}
          {sizes && state.data.state !== 'off' && <span dir="ltr"> ({sizes})</span>}
        </p>
        <Button busy={busy} aria-pressed={on} onClick={() => void turn()}>
          {on ? t('ladderSwitchOff') : t('ladderSwitchOn')}
        </Button>
      </div>
    </section>
  );
}
