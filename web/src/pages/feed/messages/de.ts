import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const de: Translation<typeof en> = {
  videos: 'Videos',
  title: 'Jetzt live',
  emptyTitle: 'Gerade ist niemand live',
  emptyText: 'Shows erscheinen hier, sobald sie beginnen. Lass die Seite offen.',
  goLive: 'Selbst live gehen',
  since: 'seit {time}',
  interrupted: 'Gleich zurück',
};

export default de;
