import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const fr: Translation<typeof en> = {
  title: 'Enregistrements et clips',
  open: 'Enregistrements et clips',
  back: 'Retour au studio',
  mode: 'Une épingle de cinq secondes ou plus',
  modeDraft: 'attend ici comme clip',
  modePublish: 'est publiée comme clip',
  modeOff: 'ne devient pas un clip',
  waiting: 'En attente de votre accord',
  public: 'Publiés',
  hidden: 'Masqués',
  recordings: 'Enregistrements',
  none: 'Pas encore de clip',
  noneText: 'Épinglez un produit cinq secondes pendant un live, ou découpez un clip dans un enregistrement ci-dessous.',
  noRecordings: 'Rien n’est encore enregistré',
  noRecordingsText: 'Un live est enregistré dès qu’il est à l’antenne.',
  publish: 'Publier',
  hide: 'Masquer',
  download: 'Télécharger',
  export: 'Paquet pour un autre site',
  remove: 'Supprimer',
  cut: 'Découper et télécharger',
  close: 'Fermer',
  from: 'De',
  until: 'À',
  name: 'Titre du clip',
  preview: 'Aperçu',
  make: 'Créer le clip',
  made: 'Le clip est prêt. Il vous attend plus haut.',
  length: 'durée {length}',
  gaps: 'avec des coupures',
  nothing: 'Rien n’est enregistré de ce live.',
  published: 'Publié',
};

export default fr;
