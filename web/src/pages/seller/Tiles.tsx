import { useState } from 'preact/hooks';
import downIcon from 'lucide-static/icons/trending-down.svg?raw';
import infoIcon from 'lucide-static/icons/info.svg?raw';
import upIcon from 'lucide-static/icons/trending-up.svg?raw';
import xIcon from 'lucide-static/icons/x.svg?raw';
import type { Sales } from '../../api/types';
import { money, number, percent } from '../../i18n/format';
import { t as common } from '../../i18n/common';
import { IconButton } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { tilesOf, type Tile, type TileKey } from './figures';
import { t } from './messages';

const names = {
  gmv: 'tileGmv',
  orders: 'tileOrders',
  units: 'tileUnits',
  conversion: 'tileConversion',
  viewers: 'tileViewers',
  aov: 'tileAov',
} as const;

const formulas = {
  gmv: 'formulaGmv',
  orders: 'formulaOrders',
  units: 'formulaUnits',
  conversion: 'formulaConversion',
  viewers: 'formulaViewers',
  aov: 'formulaAov',
} as const;

/** Tiles are the six figures that matter while the show runs; each says how it is computed. */
export function Tiles({ sales }: { sales: Sales }) {
  const [explained, setExplained] = useState<TileKey>();
  return (
    <div class="tiles">
      {tilesOf(sales).map((tile) => (
        <OneTile
          key={tile.key}
          tile={tile}
          currency={sales.currency}
          explained={explained === tile.key}
          onExplain={() => setExplained(explained === tile.key ? undefined : tile.key)}
        />
      ))}
    </div>
  );
}

interface OneTileProps {
  tile: Tile;
  currency: string;
  explained: boolean;
  onExplain: () => void;
}

function OneTile({ tile, currency, explained, onExplain }: OneTileProps) {
  const name = t(names[tile.key]);
  return (
    <section class="tile" aria-label={name}>
      <header>
        <h3>{name}</h3>
        <IconButton
          svg={explained ? xIcon : infoIcon}
          size={18}
          label={explained ? common('close') : t('tileFormula', { name })}
          aria-expanded={explained}
          class="no-print"
          onClick={onExplain}
        />
      </header>
      {explained ? (
        <p class="tile-formula small">{t(formulas[tile.key])}</p>
      ) : (
        <>
          <p class="tile-value tabular">{valueOf(tile, currency)}</p>
          <p class="tile-trend small tabular">{tile.trend !== undefined && <Trend value={tile.trend} />}</p>
        </>
      )}
    </section>
  );
}

function valueOf(tile: Tile, currency: string): string {
  if (tile.value === undefined) return '–';
  if (tile.key === 'gmv' || tile.key === 'aov') return money({ amount: Math.round(tile.value), currency });
  return tile.key === 'conversion' ? percent(tile.value) : number(tile.value);
}

function Trend({ value }: { value: number }) {
  const rounded = Math.round(value * 100) / 100;
  const text = t('trend', { value: number(rounded, { style: 'percent', signDisplay: 'exceptZero' }) });
  return (
    <span class={rounded < 0 ? 'trend-down' : rounded > 0 ? 'trend-up' : ''} title={t('trendHint')}>
      {rounded !== 0 && <Icon svg={rounded < 0 ? downIcon : upIcon} size={14} />} {text}
    </span>
  );
}
