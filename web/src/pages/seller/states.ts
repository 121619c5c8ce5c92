import type { OrderState } from '../../api/types';
import { t } from './messages';

const names = {
  held: 'stateHeld',
  requires_action: 'stateRequiresAction',
  paid: 'statePaid',
  declined: 'stateDeclined',
  expired: 'stateExpired',
  cancelled: 'stateCancelled',
  refunded: 'stateRefunded',
  partially_refunded: 'statePartlyRefunded',
} as const satisfies Record<Exclude<OrderState, 'claimed' | 'not_drawn'>, string>;

export const orderStates = Object.keys(names) as OrderState[];

export function orderState(state: OrderState): string {
  return t(names[state as keyof typeof names] ?? 'stateHeld');
}

/** shortNumber is what people say on the telephone: the end of the order's id, where ids made together differ. */
export function shortNumber(id: string): string {
  return id.replaceAll('-', '').slice(-8).toUpperCase();
}
