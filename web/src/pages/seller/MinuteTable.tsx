import type { Sales } from '../../api/types';
import { dateTime, money, number } from '../../i18n/format';
import { amountOf } from '../../manage/data';
import { everyMinute, pinTitles } from './figures';
import { t } from './messages';

/** MinuteTable holds every figure that the chart draws. */
export function MinuteTable({ sales }: { sales: Sales }) {
  const minutes = everyMinute(sales.minutes).reverse();
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={t('perMinute')}>
      <table class="table tabular">
        <thead>
          <tr>
            <th scope="col">{t('minute')}</th>
            <th scope="col" class="figure">
              {t('tileGmv')}
            </th>
            <th scope="col" class="figure">
              {t('orders')}
            </th>
            <th scope="col" class="figure">
              {t('units')}
            </th>
            <th scope="col" class="figure">
              {t('viewers')}
            </th>
            <th scope="col">{t('pins')}</th>
          </tr>
        </thead>
        <tbody>
          {minutes.map((one) => (
            <tr key={one.minute}>
              <th scope="row">{dateTime(one.minute, { timeStyle: 'short' })}</th>
              <td class="figure">{money({ amount: amountOf(one.gmv), currency: sales.currency })}</td>
              <td class="figure">{number(one.orders)}</td>
              <td class="figure">{number(one.units)}</td>
              <td class="figure">{number(one.viewers)}</td>
              <td dir="auto">{pinTitles(sales, one).join(', ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
