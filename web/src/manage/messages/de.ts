import type { Translation } from '../../i18n/catalogue';
import type { en } from './en';

const de: Translation<typeof en> = {
  stateDraft: 'Entwurf',
  stateScheduled: 'Geplant',
  stateRehearsal: 'Probe',
  stateLive: 'Live',
  stateInterrupted: 'Signal weg',
  stateEnded: 'Beendet',
  keepHolding: 'Gedrückt halten',
  pressAgain: 'Zum Bestätigen noch einmal drücken',
  copy: 'Kopieren',
  copied: 'Kopiert',
  reveal: 'Zeigen',
  conceal: 'Verbergen',
  more: 'Mehr zeigen',
  edit: 'Bearbeiten',
  done: 'Fertig',
  soldOut: 'Ausverkauft',
  left: { one: 'noch {count}', other: 'noch {count}' },
  signInTitle: 'Melde dich an, um weiterzumachen',
  loadFailed: 'Das wurde nicht geladen',
  stale: 'Keine Verbindung. Das sind die letzten Zahlen, Stand {time}.',
};

export default de;
