import { useEffect, useRef, useState } from 'preact/hooks';
import type { Sales } from '../../api/types';
import { dateTime, money, number } from '../../i18n/format';
import { amountOf } from '../../manage/data';
import { Card } from '../../ui/Card';
import { titlesOf } from './figures';
import type { ShopContext } from './index';
import { t } from './messages';
import { OrderSheet } from './OrderSheet';
import { orderState, shortNumber } from './states';

/** Latest lists the orders of the broadcast as they come in, newest first; each opens with its lines. */
export function Latest({ sales, context }: { sales: Sales; context: ShopContext }) {
  const [open, setOpen] = useState<string>();
  const titles = titlesOf(sales);
  const fresh = useFresh(sales.latest.map((one) => one.order_id));
  return (
    <Card class="table-card" aria-label={t('latest')}>
      <header class="chart-head">
        <h2>{t('latest')}</h2>
        <a class="button button-plain no-print" href={`/seller/${context.shop.id}/orders`}>
          {t('orders')}
        </a>
      </header>
      {sales.latest.length === 0 ? (
        <div class="chart-none">
          <p>{t('noOrders')}</p>
          <p class="muted small">{t('noOrdersText')}</p>
        </div>
      ) : (
        <ul class="latest">
          {sales.latest.map((one) => (
            <li key={one.order_id} class={fresh.has(one.order_id) ? 'latest-fresh' : ''}>
              <button
                type="button"
                class="latest-row"
                aria-label={t('openOrder', { number: shortNumber(one.order_id) })}
                onClick={() => setOpen(one.order_id)}
              >
                <span class="latest-what" dir="auto">
                  {linesOf(one.lines, titles)}
                </span>
                <span class="tabular latest-total">
                  {money({ amount: amountOf(one.total), currency: sales.currency })}
                </span>
                <span class="small muted tabular">{dateTime(one.at, { timeStyle: 'medium' })}</span>
                <span class="small latest-state" data-state={one.state}>
                  {orderState(one.state)}
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <OrderSheet id={open} context={context} onClose={() => setOpen(undefined)} />
    </Card>
  );
}

/** linesOf names what was ordered; the sales know each product of the shop by its title. */
function linesOf(lines: unknown[], titles: ReadonlyMap<string, string>): string {
  return ((lines ?? []) as { product?: string; title?: string; quantity?: number }[])
    .map((line) => `${number(line.quantity ?? 1)} × ${line.title ?? titles.get(line.product ?? '') ?? ''}`)
    .join(', ');
}

/** useFresh marks the ids that were not there when the list was first shown. */
function useFresh(ids: string[]): ReadonlySet<string> {
  const known = useRef<Set<string> | undefined>(undefined);
  const fresh = new Set(known.current ? ids.filter((id) => !known.current!.has(id)) : []);
  useEffect(() => {
    const timer = setTimeout(() => {
      known.current = new Set(ids);
    }, 2000);
    known.current ??= new Set(ids);
    return () => clearTimeout(timer);
  }, [ids.join(' ')]);
  return fresh;
}
