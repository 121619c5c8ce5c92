import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const de: Translation<typeof en> = {
  leave: 'Verlassen',
  sound: 'Ton an',
  soundTap: 'Tippen für Ton',
  soundOff: 'Ton aus',
  play: 'Abspielen',
  share: 'Teilen',
  shared: 'Link kopiert',
  bag: { one: 'Tasche, {count} Artikel', other: 'Tasche, {count} Artikel' },
  bagTitle: 'In dieser Show',
  bagEmpty: 'Noch nichts in der Tasche. Was gezeigt wird, erscheint über dem Bild.',
  pinned: 'Jetzt gezeigt: {title}, {price}',
  unpinned: '{title} wird nicht mehr gezeigt',
  connecting: 'Verbindet',
  waiting: 'Das Bild kommt gleich wieder',
  interrupted: 'Gleich zurück',
  interruptedText: 'Die Verbindung der Sendung ist abgerissen. Bleib da, es geht von selbst weiter.',
  refused: 'Diese Show ist für dich nicht offen',
  ended: 'Die Show ist vorbei',
  endedText: 'Sieh dir an, was es gab, oder wer gerade live ist.',
  scheduled: 'Beginnt {when}',
  scheduledSoon: 'Beginnt bald',
  scheduledText: 'Lass die Seite offen: Es beginnt von selbst.',
  channelLink: 'Zum Laden von {name}',
  others: 'Auch live',
  noOthers: 'Sonst ist gerade niemand live.',
  more: 'Mehr',
  rememberMe: 'Dieses Gerät merken',
  rememberMeText: 'Hilft dem Laden, Besuche zu zählen. Ohne das bist du jedes Mal jemand Neues.',
  videoLabel: 'Live-Video: {title}',
  reconnecting: 'Verbindet neu. Was du siehst, kann etwas alt sein.',
  toLive: 'Zum Live-Bild',
};

export default de;
