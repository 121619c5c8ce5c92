import { useState } from 'preact/hooks';
import downIcon from 'lucide-static/icons/arrow-down.svg?raw';
import downloadIcon from 'lucide-static/icons/download.svg?raw';
import upIcon from 'lucide-static/icons/arrow-up.svg?raw';
import type { Sales } from '../../api/types';
import { money, number, percent } from '../../i18n/format';
import { locale } from '../../i18n/language';
import { decimal, downloadCSV, fileName, type Cell } from '../../manage/csv';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Icon } from '../../ui/Icon';
import { productRows, sortRows, type ProductRow, type Sorting } from './figures';
import { t } from './messages';

type Column = Exclude<keyof ProductRow, 'id'>;
const columns: Column[] = ['title', 'gmv', 'orders', 'units', 'impressions', 'clicks', 'rate', 'available'];

function nameOf(column: Column): string {
  const names = {
    title: 'product',
    gmv: 'tileGmv',
    orders: 'orders',
    units: 'units',
    impressions: 'impressions',
    clicks: 'clicks',
    rate: 'clickRate',
    available: 'stock',
  } as const;
  return t(names[column]);
}

/** ProductTable says what each product did in the broadcast; any column sorts, and all of it goes into a file. */
export function ProductTable({ sales, title }: { sales: Sales; title: string }) {
  const [sorting, setSorting] = useState<Sorting<Column>>({ by: 'gmv', down: true });
  const rows = sortRows(productRows(sales), sorting, locale());
  const sort = (by: Column) =>
    setSorting(by === sorting.by ? { by, down: !sorting.down } : { by, down: by !== 'title' });
  const save = () => {
    const cells = rows.map((row) => columns.map((column) => cellOf(row, column, sales.currency)));
    downloadCSV(fileName(title, 'csv'), [columns.map(nameOf), ...cells]);
  };
  return (
    <Card class="table-card" aria-label={t('byProduct')}>
      <header class="chart-head">
        <h2>{t('byProduct')}</h2>
        <Button class="no-print" svg={downloadIcon} disabled={rows.length === 0} onClick={save}>
          {t('downloadCSV')}
        </Button>
      </header>
      {rows.length === 0 ? (
        <p class="muted chart-none">{t('noProductsSold')}</p>
      ) : (
        <div class="table-scroll" tabIndex={0} role="region" aria-label={t('byProduct')}>
          <table class="table tabular">
            <thead>
              <tr>
                {columns.map((column) => (
                  <Head key={column} column={column} sorting={sorting} onSort={() => sort(column)} />
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id}>
                  <th scope="row" dir="auto">
                    {row.title}
                  </th>
                  <td class="figure">{money({ amount: row.gmv, currency: sales.currency })}</td>
                  <td class="figure">{number(row.orders)}</td>
                  <td class="figure">{number(row.units)}</td>
                  <td class="figure">{number(row.impressions)}</td>
                  <td class="figure">{number(row.clicks)}</td>
                  <td class="figure">{row.rate === undefined ? '–' : percent(row.rate)}</td>
                  <td class={row.available > 0 ? 'figure' : 'figure table-bad'}>{number(row.available)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

interface HeadProps {
  column: Column;
  sorting: Sorting<Column>;
  onSort: () => void;
}

function Head({ column, sorting, onSort }: HeadProps) {
  const active = sorting.by === column;
  return (
    <th
      scope="col"
      class={column === 'title' ? '' : 'figure'}
      aria-sort={active ? (sorting.down ? 'descending' : 'ascending') : undefined}
    >
      <button type="button" class="table-sort" title={t('sortBy', { name: nameOf(column) })} onClick={onSort}>
        {nameOf(column)}
        <span class={active ? 'sort-mark' : 'sort-mark sort-none'}>
          <Icon svg={active && !sorting.down ? upIcon : downIcon} size={14} />
        </span>
      </button>
    </th>
  );
}

/** What a file holds: figures that a spreadsheet can reckon with, not as a reader's language writes them. */
function cellOf(row: ProductRow, column: Column, currency: string): Cell {
  if (column === 'gmv') return decimal(row.gmv, currency);
  if (column === 'rate') return row.rate === undefined ? undefined : Math.round(row.rate * 10_000) / 10_000;
  return row[column];
}
