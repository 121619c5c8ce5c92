import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const fr: Translation<typeof en> = {
  title: 'Vos commandes',
  emptyTitle: 'Aucune commande pour le moment',
  emptyText: 'Ce que vous achetez dans une émission se retrouve ici.',
  order: 'Commande {number}',
  placed: 'Commandé le {when}',
  lines: '{quantity} × {title}',
  total: 'Total',
  refunded: 'Rendu',
  held: 'En attente du paiement',
  requires_action: 'À confirmer auprès de la banque',
  paid: 'Payée',
  declined: 'Paiement refusé',
  expired: 'Délai de paiement écoulé',
  cancelled: 'Annulée',
  refundedState: 'Remboursée',
  claimed: 'En attente du tirage',
  not_drawn: 'Non tirée',
  claimedHelp: 'Toutes les demandes des premiers instants participent à un même tirage. Rien n’est débité avant.',
  notDrawnHelp: 'Le tirage a attribué les unités à d’autres. Rien n’a été débité.',
  partially_refunded: 'Remboursée en partie',
  paidHelp: 'La boutique la prépare.',
  declinedHelp: 'Rien n’a été débité.',
  expiredHelp: 'Vous ne devez rien. Un paiement tardif vous sera rendu de lui-même.',
  refundedHelp: 'L’argent est en route vers son point de départ.',
  goToBank: 'Aller à la banque',
  receipt: 'Reçu vidéo signé',
  receiptHelp: 'Votre commande et les secondes du live où vous avez acheté, signées. Chacun peut le vérifier.',
  all: 'Toutes les commandes',
  more: 'Afficher plus',
};

export default fr;
