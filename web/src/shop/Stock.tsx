import { useRef } from 'preact/hooks';
import type { PinVariant } from '../api/types';
import { t } from './messages';
import { stockLevel } from './money';
import './price.css';

/** Stock says how many are left once they are few, and when there are none. It says nothing while there are plenty. */
export function Stock({ variants }: { variants: readonly Pick<PinVariant, 'available'>[] }) {
  const most = useRef(0);
  const level = stockLevel(variants, most.current);
  most.current = Math.max(most.current, level.available);
  if (level.available === 0) return <span class="stock">{t('soldOut')}</span>;
  if (!level.low) return null;
  return (
    <span class="stock stock-low tabular">
      {t('left', { count: level.available })}
      <span class="stock-bar" aria-hidden="true">
        <span style={{ transform: `scaleX(${level.part})` }} />
      </span>
    </span>
  );
}
