import { useEffect, useState } from 'preact/hooks';
import downloadIcon from 'lucide-static/icons/download.svg?raw';
import { api, ApiError } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery } from '../../api/load';
import type { Order, OrderState, Page } from '../../api/types';
import { navigate } from '../../app/router';
import { dateTime, money, number } from '../../i18n/format';
import { download, fileName } from '../../manage/csv';
import { Failed } from '../../manage/Gate';
import { t as manage } from '../../manage/messages';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { Select } from '../../ui/Field';
import { Skeleton } from '../../ui/Skeleton';
import { toast } from '../../ui/Toast';
import type { ShopContext } from './index';
import { t } from './messages';
import { OrderSheet } from './OrderSheet';
import { orderState, orderStates, shortNumber } from './states';

/** How often the newest page is read anew while only it is shown. */
const freshMilliseconds = 3000;

/** Orders lists all orders of the shop, newest first. */
export function Orders({ context, order }: { context: ShopContext; order: string | undefined }) {
  const { shop } = context;
  const [state, setState] = useState<OrderState | ''>('');
  const [items, setItems] = useState<Order[]>();
  const [next, setNext] = useState<string>();
  const [paged, setPaged] = useState(false);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  const read = async (cursor?: string) => {
    const query = { state: state || undefined, cursor, limit: 50 };
    const page = await api.get<Page<Order>>(`/v1/shops/${shop.id}/orders`, query);
    setItems((before) => (cursor ? [...(before ?? []), ...page.items] : page.items));
    setNext(page.next);
    setError(undefined);
  };
  useEffect(() => {
    setItems(undefined);
    setPaged(false);
    read().catch(setError);
  }, [shop.id, state]);
  useEvery(freshMilliseconds, () => {
    if (!paged) read().catch(setError);
  });
  const more = async () => {
    setBusy(true);
    setPaged(true);
    await read(next).catch((cause: unknown) => toast(explain(cause), 'bad'));
    setBusy(false);
  };
  return (
    <>
      <header class="section-head">
        <Select
          label={t('state')}
          value={state}
          onChange={(event) => setState(event.currentTarget.value as OrderState | '')}
        >
          <option value="">{t('allStates')}</option>
          {orderStates.map((one) => (
            <option key={one} value={one}>
              {orderState(one)}
            </option>
          ))}
        </Select>
        <SaveOrders shop={shop.id} name={shop.name} state={state} />
      </header>
      {error && !items ? (
        <Failed error={error} onRetry={() => void read().catch(setError)} />
      ) : !items ? (
        <Rows />
      ) : items.length === 0 ? (
        <Notice title={state ? t('noneMatch') : t('noOrders')} text={state ? undefined : t('noOrdersText')} />
      ) : (
        <Table items={items} onOpen={(id) => navigate(`/seller/${shop.id}/orders/${id}`)} />
      )}
      {next && (
        <Button busy={busy} wide onClick={() => void more()}>
          {manage('more')}
        </Button>
      )}
      <OrderSheet
        id={order}
        context={context}
        onClose={() => navigate(`/seller/${shop.id}/orders`)}
        onChanged={() => !paged && void read().catch(setError)}
      />
    </>
  );
}

function Table({ items, onOpen }: { items: Order[]; onOpen: (id: string) => void }) {
  return (
    <div class="table-scroll table-page" tabIndex={0} role="region" aria-label={t('orders')}>
      <table class="table tabular">
        <thead>
          <tr>
            <th scope="col">{t('order')}</th>
            <th scope="col" class="figure">
              {t('total')}
            </th>
            <th scope="col">{t('state')}</th>
            <th scope="col">{t('placed')}</th>
            <th scope="col">{t('items')}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.id}>
              <th scope="row">
                <button type="button" class="table-open" onClick={() => onOpen(one.id)}>
                  {shortNumber(one.id)}
                </button>
              </th>
              <td class="figure">{money(one.total)}</td>
              <td>{orderState(one.state)}</td>
              <td>{dateTime(one.placed_at)}</td>
              <td dir="auto" class="table-wide">
                {one.lines.map((line) => `${number(line.quantity)} × ${line.title}`).join(', ')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SaveOrders({ shop, name, state }: { shop: string; name: string; state: string }) {
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      const query = state ? `?state=${state}` : '';
      const response = await fetch(`/v1/shops/${shop}/orders${query}`, { headers: { Accept: 'text/csv' } });
      if (!response.ok) throw new ApiError(response.status, undefined, undefined);
      download(fileName(name, 'csv'), await response.blob());
    } catch (error) {
      toast(explain(error), 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button svg={downloadIcon} busy={busy} onClick={() => void save()}>
      {t('downloadCSV')}
    </Button>
  );
}

function Rows() {
  return (
    <div class="form" aria-busy="true">
      {[0, 1, 2, 3, 4, 5].map((n) => (
        <Skeleton key={n} height="44px" />
      ))}
    </div>
  );
}
