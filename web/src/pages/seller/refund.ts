import type { Order, OrderLine } from '../../api/types';

// What can be given back of an order, and what it comes to. All of it is pure.

export interface RefundLine {
  line: number;
  quantity: number;
  restock: boolean;
}

/** mayRefund tells whether an order has money that can go back. */
export function mayRefund(order: Pick<Order, 'state'>): boolean {
  return order.state === 'paid' || order.state === 'partially_refunded';
}

export function refundable(line: OrderLine): number {
  return Math.max(0, line.quantity - (line.refunded_quantity ?? 0));
}

/** withQuantity changes how many of a line go back, within what can. Stock is restored unless that was said. */
export function withQuantity(chosen: readonly RefundLine[], line: OrderLine, quantity: number): RefundLine[] {
  const next = Math.min(refundable(line), Math.max(0, Math.trunc(quantity) || 0));
  const before = chosen.find((one) => one.line === line.line);
  const rest = chosen.filter((one) => one.line !== line.line);
  if (next === 0) return rest;
  return [...rest, { line: line.line, quantity: next, restock: before?.restock ?? true }].sort(
    (a, b) => a.line - b.line,
  );
}

export function withRestock(chosen: readonly RefundLine[], line: number, restock: boolean): RefundLine[] {
  return chosen.map((one) => (one.line === line ? { ...one, restock } : one));
}

/** refundTotal is what the chosen lines come to at the prices that were paid; the server has the last word. */
export function refundTotal(order: Pick<Order, 'lines'>, chosen: readonly RefundLine[]): number {
  return chosen.reduce((sum, one) => {
    const line = order.lines.find((other) => other.line === one.line);
    return sum + (line ? line.unit_price.amount * one.quantity : 0);
  }, 0);
}
