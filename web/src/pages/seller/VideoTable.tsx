import { api } from '../../api/client';
import { useEvery, useLoad } from '../../api/load';
import { money, number } from '../../i18n/format';
import { Card } from '../../ui/Card';
import { t } from './messages';

interface VideoSale {
  id: string;
  kind: 'replay' | 'clip' | 'short' | 'story' | 'picture';
  title: string;
  currency: string;
  orders: number;
  units: number;
  gmv: number;
  refunds: number;
}

const everyMilliseconds = 10_000;

/** VideoTable says what was bought after the show: from short videos, clips and recordings. */
export function VideoTable({ shop }: { shop: string }) {
  const list = useLoad(
    (signal) => api.get<{ items: VideoSale[] }>(`/v1/shops/${shop}/video-sales`, undefined, signal),
    [shop],
  );
  useEvery(everyMilliseconds, list.reload);
  const rows = list.data?.items ?? [];
  const kinds = {
    replay: t('kindReplay'),
    clip: t('kindClip'),
    short: t('kindShort'),
    story: t('kindStory'),
    picture: t('kindPicture'),
  };
  if (!list.data) return null;
  return (
    <Card class="table-card" aria-label={t('byVideo')}>
      <header class="chart-head">
        <h2>{t('byVideo')}</h2>
      </header>
      {rows.length === 0 ? (
        <p class="muted chart-none">{t('noVideosSold')}</p>
      ) : (
        <div class="table-scroll" tabIndex={0} role="region" aria-label={t('byVideo')}>
          <table class="table tabular">
            <thead>
              <tr>
                <th scope="col">{t('video')}</th>
                <th scope="col">{t('tileGmv')}</th>
                <th scope="col">{t('orders')}</th>
                <th scope="col">{t('units')}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id} data-sold={row.id}>
                  <th scope="row">
                    <a href={row.kind === 'replay' ? `/b/${row.id}` : `/v/${row.id}`} class="user-text" dir="auto">
                      {row.title || kinds[row.kind]}
                    </a>{' '}
                    <span class="small muted">{kinds[row.kind]}</span>
                  </th>
                  <td>{money({ amount: row.gmv, currency: row.currency })}</td>
                  <td>{number(row.orders)}</td>
                  <td>{number(row.units)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
