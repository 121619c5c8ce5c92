import { lazyPart } from './lazyPart';
import printerIcon from 'lucide-static/icons/printer.svg?raw';
import { api } from '../../api/client';
import { useEvery, useLoad } from '../../api/load';
import type { BroadcastItem, Page } from '../../api/types';
import { navigate } from '../../app/router';
import { dateTime, money, number } from '../../i18n/format';
import { Badge, stateName } from '../../manage/Badge';
import { amountOf } from '../../manage/data';
import { Failed } from '../../manage/Gate';
import { t as manage } from '../../manage/messages';
import { IconButton } from '../../ui/Button';
import { Card, Notice } from '../../ui/Card';
import { Select } from '../../ui/Field';
import { Skeleton } from '../../ui/Skeleton';
import type { ShopContext } from './index';
import { Latest } from './Latest';
import { MinuteTable } from './MinuteTable';
import { t } from './messages';
import { ProductTable } from './ProductTable';
import { Tiles } from './Tiles';
import { VideoTable } from './VideoTable';
import { useSales } from './useSales';

interface Props {
  context: ShopContext;
  broadcast: string | undefined;
}

/** SalesPage shows the sales of one broadcast as they happen. */
export function SalesPage({ context, broadcast }: Props) {
  const { shop } = context;
  const list = useLoad(
    (signal) => api.get<Page<BroadcastItem>>('/v1/broadcasts', { shop: shop.id, limit: 50 }, signal),
    [shop.id],
  );
  useEvery(10_000, list.reload);
  const mine = (list.data?.items ?? []).filter((one) => one.shop === shop.id && one.state !== 'draft');
  const live = mine.find((one) => one.state === 'live' || one.state === 'interrupted');
  const chosen = broadcast ?? live?.id ?? mine.find((one) => one.state === 'ended')?.id ?? mine[0]?.id;
  const data = useSales(chosen);

  if (list.error && !list.data) return <Failed error={list.error} onRetry={list.reload} />;
  if (!list.data) return <SalesSkeleton />;
  if (!chosen) {
    const studio = (
      <a class="button button-accent" href="/studio">
        {t('toStudio')}
      </a>
    );
    return <Notice title={t('noBroadcasts')} text={t('noBroadcastsText')} action={studio} />;
  }
  const { sales, error } = data;
  const state = data.broadcast?.state;
  const onAir = state === 'live' || state === 'interrupted';
  return (
    <>
      <header class="sales-head">
        <Select
          label={t('broadcast')}
          value={chosen}
          onChange={(event) => navigate(`/seller/${shop.id}/sales/${event.currentTarget.value}`)}
        >
          {!mine.some((one) => one.id === chosen) && <option value={chosen}>{data.broadcast?.title ?? ''}</option>}
          {mine.map((one) => (
            <option key={one.id} value={one.id}>
              {one.title} · {one.started_at ? dateTime(one.started_at, shortDate) : stateName(one.state)}
            </option>
          ))}
        </Select>
        <div class="sales-state">
          {state && <Badge state={state} />}
          {sales && (
            <span class="small muted tabular">
              {onAir && !error ? t('asOfLive') : t('asOf', { time: dateTime(sales.as_of) })}
            </span>
          )}
          <IconButton svg={printerIcon} label={t('print')} class="no-print" onClick={() => print()} />
        </div>
      </header>
      {Boolean(error) && sales && (
        <p class="banner" role="status">
          {manage('stale', { time: dateTime(sales.as_of) })}
        </p>
      )}
      {error && !sales ? (
        <Failed error={error} onRetry={data.reload} />
      ) : !sales ? (
        <SalesSkeleton />
      ) : (
        <div class={error ? 'sales sales-stale' : 'sales'}>
          <Tiles sales={sales} />
          <p class="sales-sum small muted tabular">
            {t('refunds', { value: money({ amount: amountOf(sales.refunds), currency: sales.currency }) })} ·{' '}
            {t('net', { value: money({ amount: amountOf(sales.net), currency: sales.currency }) })} ·{' '}
            {t('buyers', { count: sales.buyers })}
            {sales.viewers_peak > 0 && ` · ${t('peak', { value: number(sales.viewers_peak) })}`}
          </p>
          <Card class="sales-chart" aria-label={t('perMinute')}>
            <MinuteChart sales={sales} fallback={<Skeleton height="300px" />} table={<MinuteTable sales={sales} />} />
          </Card>
          <div class="sales-halves">
            <ProductTable sales={sales} title={data.broadcast?.title ?? ''} />
            <Latest sales={sales} context={context} />
          </div>
          <VideoTable shop={shop.id} />
        </div>
      )}
    </>
  );
}

const shortDate = { dateStyle: 'short', timeStyle: 'short' } as const;

/** The chart brings its own library; it is loaded only here. */
const MinuteChart = lazyPart(() => import('./MinuteChart').then((module) => module.MinuteChart));

function SalesSkeleton() {
  return (
    <div class="sales" aria-busy="true">
      <div class="tiles">
        {[0, 1, 2, 3, 4, 5].map((n) => (
          <div key={n} class="tile">
            <Skeleton width="50%" height="14px" />
            <Skeleton width="80%" height="28px" />
          </div>
        ))}
      </div>
      <Skeleton height="300px" />
      <Skeleton height="200px" />
    </div>
  );
}
