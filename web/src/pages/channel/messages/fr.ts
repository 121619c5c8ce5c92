import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const fr: Translation<typeof en> = {
  liveNow: 'En direct',
  watch: 'Voir l’émission',
  products: 'Articles',
  emptyTitle: 'Rien en rayon pour le moment',
  emptyText: 'Revenez plus tard, ou voyez qui est en direct.',
  byShop: 'par {shop}',
  notLive: 'Pas en direct pour le moment',
  notLiveText: 'Gardez la page ouverte : elle ira à l’émission dès qu’elle commencera.',
  toChannel: 'Vers la boutique',
};

export default fr;
