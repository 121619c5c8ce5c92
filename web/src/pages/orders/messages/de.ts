import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const de: Translation<typeof en> = {
  title: 'Deine Bestellungen',
  emptyTitle: 'Noch keine Bestellungen',
  emptyText: 'Was du in einer Show kaufst, findest du hier.',
  order: 'Bestellung {number}',
  placed: 'Bestellt {when}',
  lines: '{quantity} × {title}',
  total: 'Gesamt',
  refunded: 'An dich zurück',
  held: 'Die Zahlung steht aus',
  requires_action: 'Bei der Bank bestätigen',
  paid: 'Bezahlt',
  declined: 'Zahlung abgelehnt',
  expired: 'Zeit zum Zahlen abgelaufen',
  cancelled: 'Storniert',
  refundedState: 'Erstattet',
  claimed: 'Wartet auf die Ziehung',
  not_drawn: 'Nicht gezogen',
  claimedHelp:
    'Alle, die in den ersten Augenblicken zugegriffen haben, nehmen an einer Ziehung teil. Vorher wird nichts berechnet.',
  notDrawnHelp: 'Die Ziehung hat die Stücke anderen gegeben. Es wurde nichts berechnet.',
  partially_refunded: 'Teilweise erstattet',
  paidHelp: 'Der Laden macht sie fertig.',
  declinedHelp: 'Es wurde nichts abgebucht.',
  expiredHelp: 'Du schuldest nichts. Geld, das noch ankommt, geht von selbst zurück.',
  refundedHelp: 'Das Geld ist auf dem Weg zurück.',
  goToBank: 'Zur Bank',
  receipt: 'Signierter Videobeleg',
  receiptHelp: 'Deine Bestellung und die Sekunden der Show, in denen du gekauft hast, signiert. Jeder kann ihn prüfen.',
  all: 'Alle Bestellungen',
  more: 'Mehr zeigen',
};

export default de;
