import type { BroadcastState } from '../api/types';
import { t } from './messages';
import './badge.css';

const names = {
  draft: 'stateDraft',
  scheduled: 'stateScheduled',
  rehearsal: 'stateRehearsal',
  live: 'stateLive',
  interrupted: 'stateInterrupted',
  ended: 'stateEnded',
} as const;

export function stateName(state: BroadcastState): string {
  return t(names[state] ?? 'stateDraft');
}

/** Badge says where a broadcast stands: by a word, and by a colour beside it. */
export function Badge({ state }: { state: BroadcastState }) {
  return (
    <span class="badge" data-state={state}>
      <span class="badge-dot" aria-hidden="true" />
      {stateName(state)}
    </span>
  );
}
