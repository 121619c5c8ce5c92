import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const fr: Translation<typeof en> = {
  videos: 'Vidéos',
  title: 'En direct',
  emptyTitle: 'Personne n’est en direct',
  emptyText: 'Les émissions apparaissent ici dès qu’elles commencent. Gardez la page ouverte.',
  goLive: 'Passer en direct',
  since: 'depuis {time}',
  interrupted: 'De retour dans un instant',
};

export default fr;
