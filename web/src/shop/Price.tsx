import type { Money } from '../api/types';
import { money } from '../i18n/format';
import { t } from './messages';
import './price.css';

interface Props {
  price: Money;
  compareAt?: Money;
  /** Dearer variants exist. */
  from?: boolean;
}

/** Price is the price now and, struck through, the one before. Both are said in words to those who do not see it. */
export function Price({ price, compareAt, from }: Props) {
  const now = money(price);
  return (
    <span class="price tabular">
      <span class="visually-hidden">{t('priceNow')} </span>
      <strong key={now} class="price-now">
        {from ? t('from', { amount: now }) : now}
      </strong>
      {compareAt && (
        <>
          <span class="visually-hidden">, {t('priceBefore')} </span>
          <s>{money(compareAt)}</s>
        </>
      )}
    </span>
  );
}
