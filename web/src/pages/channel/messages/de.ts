import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const de: Translation<typeof en> = {
  liveNow: 'Jetzt live',
  watch: 'Zur Show',
  products: 'Artikel',
  emptyTitle: 'Noch nichts im Regal',
  emptyText: 'Komm später wieder, oder sieh nach, wer live ist.',
  byShop: 'von {shop}',
  notLive: 'Gerade nicht live',
  notLiveText: 'Lass die Seite offen: Sie geht zur Show, sobald eine beginnt.',
  toChannel: 'Zum Laden',
};

export default de;
