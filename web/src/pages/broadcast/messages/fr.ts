import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const fr: Translation<typeof en> = {
  leave: 'Quitter',
  sound: 'Activer le son',
  soundTap: 'Touchez pour le son',
  soundOff: 'Couper le son',
  play: 'Lire',
  share: 'Partager',
  shared: 'Lien copié',
  bag: { one: 'Sac, {count} article', many: 'Sac, {count} articles', other: 'Sac, {count} articles' },
  bagTitle: 'Dans cette émission',
  bagEmpty: 'Rien dans le sac pour le moment. Ce qui est montré apparaît sur l’image.',
  pinned: 'À l’écran : {title}, {price}',
  unpinned: '{title} n’est plus à l’écran',
  connecting: 'Connexion',
  waiting: 'L’image revient',
  interrupted: 'De retour dans un instant',
  interruptedText: 'La connexion de l’émission s’est coupée. Restez, elle reprendra d’elle-même.',
  refused: 'Cette émission ne vous est pas ouverte',
  ended: 'L’émission est terminée',
  endedText: 'Voyez ce qu’elle proposait, ou qui est en direct.',
  scheduled: 'Commence {when}',
  scheduledSoon: 'Commence bientôt',
  scheduledText: 'Gardez la page ouverte : elle commencera d’elle-même.',
  channelLink: 'Vers la boutique de {name}',
  others: 'Aussi en direct',
  noOthers: 'Personne d’autre n’est en direct.',
  more: 'Plus',
  rememberMe: 'Retenir cet appareil',
  rememberMeText: 'Aide la boutique à compter les visites. Sinon, vous êtes quelqu’un de nouveau à chaque fois.',
  videoLabel: 'Vidéo en direct : {title}',
  reconnecting: 'Reconnexion. Ce que vous voyez date peut-être un peu.',
  toLive: 'Revenir au direct',
};

export default fr;
