import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const fr: Translation<typeof en> = {
  videoLabel: 'Vidéo : {title}',
  untitled: 'Vidéo',
  play: 'Lire',
  pause: 'Pause',
  sound: 'Activer le son',
  soundOff: 'Couper le son',
  seek: 'Position dans la vidéo',
  next: 'Vidéo suivante',
  previous: 'Vidéo précédente',
  leave: 'Fermer',
  draft: 'Visible seulement par vous et votre équipe : elle n’est pas publiée.',
  processing: 'La vidéo est en préparation.',
  gone: 'Ce fichier n’a pas pu devenir une vidéo.',
  captions: 'Sous-titres',
  captionsOff: 'Aucun sous-titre',
};

export default fr;
