import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const de: Translation<typeof en> = {
  title: 'Aufnahmen und Clips',
  open: 'Aufnahmen und Clips',
  back: 'Zurück ins Studio',
  mode: 'Ein Pin ab fünf Sekunden',
  modeDraft: 'wartet hier als Clip',
  modePublish: 'erscheint als Clip',
  modeOff: 'wird kein Clip',
  waiting: 'Warten auf dich',
  public: 'Veröffentlicht',
  hidden: 'Verborgen',
  recordings: 'Aufnahmen',
  none: 'Noch keine Clips',
  noneText: 'Pinne in einer Show ein Produkt fünf Sekunden lang an, oder schneide unten einen Clip aus einer Aufnahme.',
  noRecordings: 'Noch nichts aufgenommen',
  noRecordingsText: 'Eine Show wird aufgenommen, sobald sie auf Sendung ist.',
  publish: 'Veröffentlichen',
  hide: 'Verbergen',
  download: 'Herunterladen',
  export: 'Paket für eine andere Seite',
  remove: 'Löschen',
  cut: 'Schneiden und laden',
  close: 'Schließen',
  from: 'Von',
  until: 'Bis',
  name: 'Titel des Clips',
  preview: 'Vorschau',
  make: 'Clip erstellen',
  made: 'Der Clip ist fertig. Er wartet oben auf dich.',
  length: '{length} lang',
  gaps: 'mit Lücken',
  nothing: 'Von dieser Show ist nichts aufgenommen.',
  published: 'Veröffentlicht',
};

export default de;
