import type { Translation } from '../../i18n/catalogue';
import type { en } from './en';

const fr: Translation<typeof en> = {
  stateDraft: 'Brouillon',
  stateScheduled: 'Programmé',
  stateRehearsal: 'Répétition',
  stateLive: 'En direct',
  stateInterrupted: 'Signal perdu',
  stateEnded: 'Terminé',
  keepHolding: 'Maintenez appuyé',
  pressAgain: 'Appuyez encore pour confirmer',
  copy: 'Copier',
  copied: 'Copié',
  reveal: 'Afficher',
  conceal: 'Masquer',
  more: 'Afficher plus',
  edit: 'Modifier',
  done: 'Terminé',
  soldOut: 'Épuisé',
  left: { one: 'plus que {count}', other: 'plus que {count}' },
  signInTitle: 'Connectez-vous pour continuer',
  loadFailed: 'Le chargement a échoué',
  stale: 'Pas de connexion. Voici les derniers chiffres reçus, à {time}.',
};

export default fr;
