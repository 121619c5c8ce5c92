import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const de: Translation<typeof en> = {
  videoLabel: 'Video: {title}',
  untitled: 'Video',
  play: 'Abspielen',
  pause: 'Anhalten',
  sound: 'Ton an',
  soundOff: 'Ton aus',
  seek: 'Stelle im Video',
  next: 'Nächstes Video',
  previous: 'Voriges Video',
  leave: 'Schließen',
  draft: 'Das sehen nur du und dein Team: Es ist nicht veröffentlicht.',
  processing: 'Das Video wird vorbereitet.',
  gone: 'Aus dieser Datei wurde kein Video.',
  captions: 'Untertitel',
  captionsOff: 'Keine Untertitel',
};

export default de;
