import { useState } from 'preact/hooks';
import alert from 'lucide-static/icons/circle-alert.svg?raw';
import check from 'lucide-static/icons/circle-check.svg?raw';
import clock from 'lucide-static/icons/clock.svg?raw';
import film from 'lucide-static/icons/film.svg?raw';
import undo from 'lucide-static/icons/undo-2.svg?raw';
import { api, ApiError } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery, useLoad } from '../../api/load';
import type { Order, OrderState, Page } from '../../api/types';
import { place, type PathParams } from '../../app/router';
import { useStore } from '../../app/store';
import { TopBar } from '../../app/TopBar';
import { account } from '../../auth/auth';
import { together } from '../../i18n/catalogue';
import { t as common } from '../../i18n/common';
import { dateTime, money, number } from '../../i18n/format';
import { orderNumber, settled } from '../../shop/checkout';
import { messages as shopMessages } from '../../shop/messages';
import { asMoney } from '../../shop/money';
import { Picture } from '../../shop/Picture';
import { Button } from '../../ui/Button';
import { Card, Notice } from '../../ui/Card';
import { Icon } from '../../ui/Icon';
import { Skeleton } from '../../ui/Skeleton';
import { SignIn } from '../account/SignIn';
import { messages as own, t } from './messages';
import './orders.css';

export const messages = together(own, shopMessages);

export default function OrdersPage({ params }: { params: PathParams }) {
  const who = useStore(account);
  // The bank sends its customers back to /orders?order=…
  const id = params['id'] ?? new URLSearchParams(useStore(place).split('?')[1] ?? '').get('order');
  return (
    <>
      <TopBar title={t('title')} />
      <main class="orders">
        {who === null && <SignIn />}
        {who && (id ? <One key={id} id={id} /> : <All key={who.id} />)}
      </main>
    </>
  );
}

function All() {
  const [limit, setLimit] = useState(1);
  const { data, error, reload } = useLoad((signal) => loadPages(limit, signal), [limit]);
  useEvery(10_000, reload);
  if (!data && error) {
    const again = <Button onClick={reload}>{common('retry')}</Button>;
    return <Notice title={common('broken')} text={explain(error)} action={again} />;
  }
  if (!data) return <Skeleton height="120px" />;
  if (data.items.length === 0) {
    const live = (
      <a class="button button-accent" href="/">
        {common('seeLive')}
      </a>
    );
    return <Notice title={t('emptyTitle')} text={t('emptyText')} action={live} />;
  }
  return (
    <>
      <ul class="orders-list">
        {data.items.map((order) => (
          <li key={order.id}>
            <OrderCard order={order} link />
          </li>
        ))}
      </ul>
      {data.next && (
        <Button wide onClick={() => setLimit(limit + 1)}>
          {t('more')}
        </Button>
      )}
    </>
  );
}

async function loadPages(pages: number, signal: AbortSignal): Promise<Page<Order>> {
  const all: Page<Order> = { items: [] };
  for (let page = 0; page < pages; page++) {
    const got = await api.get<Page<Order>>('/v1/orders', { cursor: all.next }, signal);
    all.items.push(...got.items);
    all.next = got.next;
    if (!got.next) break;
  }
  return all;
}

function One({ id }: { id: string }) {
  const { data, error, reload } = useLoad(
    (signal) => api.get<Order>(`/v1/orders/${encodeURIComponent(id)}`, undefined, signal),
    [id],
  );
  // A payment that is under way is looked after more often.
  useEvery(data && settled(data.state) ? 15_000 : 1500, reload);
  return (
    <>
      <a class="orders-back" href="/orders">
        {t('all')}
      </a>
      {data && <OrderCard order={data} />}
      {data && sold.includes(data.state) && (
        <p class="order-receipt">
          <a class="button button-plain" href={`/v1/orders/${encodeURIComponent(id)}/receipt`} download>
            <Icon svg={film} />
            {t('receipt')}
          </a>
          <small class="muted">{t('receiptHelp')}</small>
        </p>
      )}
      {!data && !error && <Skeleton height="160px" />}
      {!data && !!error && (
        <Notice
          title={error instanceof ApiError && error.status === 404 ? common('notFound') : common('broken')}
          text={explain(error)}
          action={<Button onClick={reload}>{common('retry')}</Button>}
        />
      )}
    </>
  );
}

/** States in which there is something to prove. */
const sold: OrderState[] = ['paid', 'partially_refunded', 'refunded'];

function OrderCard({ order, link }: { order: Order; link?: boolean }) {
  const title = t('order', { number: orderNumber(order.id) });
  const refunded = asMoney(order.refunded, order.currency);
  return (
    <Card class="order" data-order={order.id} data-state={order.state}>
      <header>
        <h2>{link ? <a href={`/orders/${order.id}`}>{title}</a> : title}</h2>
        <State state={order.state} />
      </header>
      <p class="muted small">{t('placed', { when: dateTime(order.placed_at) })}</p>
      <ul class="order-lines">
        {order.lines.map((line) => (
          <li key={line.line}>
            <Picture picture={line.picture} size={48} />
            <span class="order-line">
              {t('lines', { quantity: number(line.quantity), title: line.title })}
              {line.variant_title && <small class="muted">{line.variant_title}</small>}
            </span>
            <span class="tabular">{money(lineTotal(order, line))}</span>
          </li>
        ))}
      </ul>
      <dl class="order-sums tabular">
        <div>
          <dt>{t('total')}</dt>
          <dd>{money(asMoney(order.total, order.currency))}</dd>
        </div>
        {refunded.amount > 0 && (
          <div class="order-refund">
            <dt>{t('refunded')}</dt>
            <dd>{money(refunded)}</dd>
          </div>
        )}
      </dl>
      <Help order={order} />
    </Card>
  );
}

function lineTotal(order: Order, line: Order['lines'][number]) {
  const unit = asMoney(line.unit_price, order.currency);
  return { amount: unit.amount * line.quantity, currency: unit.currency };
}

const looks: Record<OrderState, { svg: string; tone: string }> = {
  claimed: { svg: clock, tone: 'warn' },
  not_drawn: { svg: alert, tone: 'muted' },
  held: { svg: clock, tone: 'warn' },
  requires_action: { svg: clock, tone: 'warn' },
  paid: { svg: check, tone: 'ok' },
  declined: { svg: alert, tone: 'bad' },
  expired: { svg: alert, tone: 'muted' },
  cancelled: { svg: alert, tone: 'muted' },
  refunded: { svg: undo, tone: 'muted' },
  partially_refunded: { svg: undo, tone: 'muted' },
};

function State({ state }: { state: OrderState }) {
  const { svg, tone } = looks[state] ?? looks.held;
  return (
    <span class={`order-state order-state-${tone}`}>
      <Icon svg={svg} size={18} />
      {t(state === 'refunded' ? 'refundedState' : state)}
    </span>
  );
}

function Help({ order }: { order: Order }) {
  switch (order.state) {
    case 'requires_action':
      return order.next ? (
        <a class="button button-accent button-wide" href={order.next.url}>
          {t('goToBank')}
        </a>
      ) : null;
    case 'paid':
      return <p class="muted small">{t('paidHelp')}</p>;
    case 'declined':
      return <p class="muted small">{t('declinedHelp')}</p>;
    case 'claimed':
      return <p class="muted small">{t('claimedHelp')}</p>;
    case 'not_drawn':
      return <p class="muted small">{t('notDrawnHelp')}</p>;
    case 'expired':
    case 'cancelled':
      return <p class="muted small">{t('expiredHelp')}</p>;
    case 'refunded':
    case 'partially_refunded':
      return <p class="muted small">{t('refundedHelp')}</p>;
    default:
      return null;
  }
}
