import { useEffect, useState } from 'preact/hooks';
import undoIcon from 'lucide-static/icons/undo-2.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useLoad } from '../../api/load';
import type { Order, OrderLine } from '../../api/types';
import { dateTime, money, number } from '../../i18n/format';
import { Failed } from '../../manage/Gate';
import { Hold } from '../../manage/Hold';
import { Select } from '../../ui/Field';
import { Sheet } from '../../ui/Sheet';
import { Skeleton } from '../../ui/Skeleton';
import { toast } from '../../ui/Toast';
import type { ShopContext } from './index';
import { t } from './messages';
import { mayRefund, refundable, refundTotal, withQuantity, withRestock, type RefundLine } from './refund';
import { orderState, shortNumber } from './states';

interface Props {
  id: string | undefined;
  context: ShopContext;
  onClose: () => void;
  onChanged?: () => void;
}

const reasons = {
  return: 'reasonReturn',
  damaged: 'reasonDamaged',
  missing: 'reasonMissing',
  mistake: 'reasonMistake',
  other: 'reasonOther',
} as const;
type Reason = keyof typeof reasons;

/** OrderSheet shows one order with its lines, and gives money back for some or all of them. */
export function OrderSheet({ id, onClose, onChanged }: Props) {
  const [shown, setShown] = useState(id); // stays while the sheet leaves
  useEffect(() => {
    if (id) setShown(id);
  }, [id]);
  return (
    <Sheet
      title={shown ? t('orderNumber', { number: shortNumber(shown) }) : ''}
      open={id !== undefined}
      onClose={onClose}
    >
      {shown && <Inside key={shown} id={shown} onChanged={onChanged} />}
    </Sheet>
  );
}

function Inside({ id, onChanged }: { id: string; onChanged?: () => void }) {
  const order = useLoad((signal) => api.get<Order>(`/v1/orders/${id}`, undefined, signal), [id]);
  if (order.error && !order.data) return <Failed error={order.error} onRetry={order.reload} />;
  if (!order.data) {
    return (
      <div class="form" aria-busy="true">
        <Skeleton width="60%" height="20px" />
        <Skeleton height="56px" />
        <Skeleton height="56px" />
      </div>
    );
  }
  const changed = () => {
    order.reload();
    onChanged?.();
  };
  return <Lines key={order.data.refunded?.amount ?? 0} order={order.data} onChanged={changed} />;
}

function Lines({ order, onChanged }: { order: Order; onChanged: () => void }) {
  const [chosen, setChosen] = useState<RefundLine[]>([]);
  const [reason, setReason] = useState<Reason>('return');
  const [busy, setBusy] = useState(false);
  const [key, setKey] = useState(() => crypto.randomUUID());
  const open = mayRefund(order);
  const amount = money({ amount: refundTotal(order, chosen), currency: order.currency });
  const choose = (next: RefundLine[]) => {
    setChosen(next);
    setKey(crypto.randomUUID()); // another request
  };
  const refund = async () => {
    setBusy(true);
    try {
      await api.post(`/v1/orders/${order.id}/refunds`, { lines: chosen, reason }, { idempotencyKey: key });
      toast(t('refunded', { amount }));
      onChanged();
    } catch (error) {
      toast(`${t('refundFailed')} ${explain(error)}`, 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="form">
      <dl class="facts">
        <Fact name={t('state')} value={orderState(order.state)} />
        <Fact name={t('placed')} value={dateTime(order.placed_at)} />
        <Fact name={t('total')} value={money(order.total)} />
      </dl>
      {order.decline_reason && <p class="muted">{t('declineReason', { reason: order.decline_reason })}</p>}
      {(order.refunded?.amount ?? 0) > 0 && (
        <p class="muted">{t('alreadyRefunded', { amount: money(order.refunded!) })}</p>
      )}
      {open && <h3>{t('refundPick')}</h3>}
      <ul class="order-lines">
        {order.lines.map((line) => (
          <Line
            key={line.line}
            line={line}
            open={open}
            chosen={chosen.find((one) => one.line === line.line)}
            onQuantity={(quantity) => choose(withQuantity(chosen, line, quantity))}
            onRestock={(restock) => choose(withRestock(chosen, line.line, restock))}
          />
        ))}
      </ul>
      {open && (
        <>
          <Select
            label={t('reason')}
            value={reason}
            onChange={(event) => {
              setReason(event.currentTarget.value as Reason);
              setKey(crypto.randomUUID());
            }}
          >
            {Object.entries(reasons).map(([value, name]) => (
              <option key={value} value={value}>
                {t(name)}
              </option>
            ))}
          </Select>
          <Hold svg={undoIcon} wide busy={busy} disabled={chosen.length === 0} onHold={() => void refund()}>
            {t('holdRefund', { amount })}
          </Hold>
        </>
      )}
      {['paid', 'partially_refunded', 'refunded'].includes(order.state) && (
        <a class="button button-plain button-wide" href={`/v1/orders/${order.id}/receipt`} download>
          {t('receipt')}
        </a>
      )}
    </div>
  );
}

interface LineProps {
  line: OrderLine;
  open: boolean;
  chosen: RefundLine | undefined;
  onQuantity: (quantity: number) => void;
  onRestock: (restock: boolean) => void;
}

function Line({ line, open, chosen, onQuantity, onRestock }: LineProps) {
  const most = refundable(line);
  return (
    <li>
      <div class="order-line">
        <span dir="auto">
          {line.title}
          {line.variant_title && <small class="muted"> {line.variant_title}</small>}
        </span>
        <span class="tabular small muted">
          {number(line.quantity)} × {money(line.unit_price)}
        </span>
      </div>
      {open && most === 0 && <p class="small muted">{t('lineDone')}</p>}
      {open && most > 0 && (
        <div class="order-refund">
          <select
            class="field-input"
            aria-label={t('quantityOf', { title: line.title })}
            value={chosen?.quantity ?? 0}
            onChange={(event) => onQuantity(Number(event.currentTarget.value))}
          >
            {[...Array(Math.min(most, 200) + 1).keys()].map((n) => (
              <option key={n} value={n}>
                {number(n)}
              </option>
            ))}
          </select>
          <span class="small muted">{t('refundable', { count: number(most) })}</span>
          {chosen && (
            <label class="check">
              <input
                type="checkbox"
                checked={chosen.restock}
                onChange={(event) => onRestock(event.currentTarget.checked)}
              />
              {t('restock')}
            </label>
          )}
        </div>
      )}
    </li>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="tabular">{value}</dd>
    </div>
  );
}
