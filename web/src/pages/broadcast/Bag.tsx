import { useEffect, useRef } from 'preact/hooks';
import type { Pin, ProductCard } from '../../api/types';
import { whenSeen } from '../../room/seen';
import { t as shop } from '../../shop/messages';
import { priceRange } from '../../shop/money';
import { Picture } from '../../shop/Picture';
import { Price } from '../../shop/Price';
import { Stock } from '../../shop/Stock';
import { Button } from '../../ui/Button';
import { Skeleton } from '../../ui/Skeleton';
import { t } from './messages';

interface Props {
  bag: readonly ProductCard[];
  pins: readonly Pin[];
  loading: boolean;
  onBuy: (product: string, pin?: string) => void;
  /** A row was really seen. */
  onSeen?: (product: string) => void;
}

/** Bag lists all that the show sells, and what is pinned besides. */
export function Bag({ bag, pins, loading, onBuy, onSeen }: Props) {
  const pinned = pins.flatMap((pin) => {
    const products = pin.set ? (pin.set.products ?? []) : [{ ...pin.product, variants: pin.variants }];
    return products.map((product) => ({ ...product, pin: pin.id as string | undefined }));
  });
  const rows: typeof pinned = [];
  for (const row of [...pinned, ...bag.map((card) => ({ ...card, pin: undefined }))]) {
    if (!rows.some((one) => one.id === row.id)) rows.push(row);
  }
  // What the bag holds stays in its order; what is pinned besides stands before it.
  const place = (id: string) => bag.findIndex((card) => card.id === id);
  rows.sort((a, b) => place(a.id) - place(b.id));
  for (const row of rows) row.variants = bag.find((card) => card.id === row.id)?.variants ?? row.variants;
  if (loading) {
    return (
      <ul class="bag" aria-busy="true">
        {[0, 1, 2].map((n) => (
          <li key={n} class="bag-row">
            <Skeleton width="64px" height="64px" />
            <Skeleton height="40px" />
          </li>
        ))}
      </ul>
    );
  }
  if (rows.length === 0) return <p class="muted bag-empty">{t('bagEmpty')}</p>;
  return (
    <ul class="bag">
      {rows.map((row) => (
        <BagRow key={row.id} row={row} onBuy={onBuy} onSeen={onSeen} />
      ))}
    </ul>
  );
}

interface RowProps extends Pick<Props, 'onBuy' | 'onSeen'> {
  row: ProductRow;
}

type ProductRow = Pick<ProductCard, 'id' | 'title' | 'picture' | 'variants'> & { pin: string | undefined };

function BagRow({ row, onBuy, onSeen }: RowProps) {
  const item = useRef<HTMLLIElement>(null);
  const told = useRef(onSeen);
  told.current = onSeen;
  useEffect(() => (onSeen ? whenSeen(item.current!, () => told.current?.(row.id)) : undefined), [row.id, !onSeen]);

  const range = priceRange(row.variants);
  const left = row.variants.some((variant) => variant.available > 0);
  return (
    <li class={row.pin ? 'bag-row bag-row-pinned' : 'bag-row'} ref={item}>
      <Picture picture={row.picture} size={64} />
      <div class="bag-text">
        <p class="bag-title user-text" dir="auto">
          {row.title}
        </p>
        {range && <Price {...range} />}
        <Stock variants={row.variants} />
      </div>
      <Button
        aria-label={left ? shop('buyLabel', { title: row.title }) : undefined}
        onClick={() => onBuy(row.id, row.pin)}
      >
        {left ? shop('buy') : shop('waitJoin')}
      </Button>
    </li>
  );
}
