import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Sales } from '../../api/types';
import { chosenTheme } from '../../app/theme';
import { useStore } from '../../app/store';
import { compact, dateTime, money, number } from '../../i18n/format';
import { language } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Chips } from '../../ui/Field';
import { bandsOf, everyMinute, halfMinute, seriesOf, type Band, type Measure } from './figures';
import { t } from './messages';

interface Props {
  sales: Sales;
  /** The same figures as a table. */
  table: ComponentChildren;
}

const height = 280;
/** Whole minutes between the marks of the axis of time, in seconds. */
const axisSteps = [1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440].map((minutes) => minutes * 60);

/** MinuteChart draws what each minute brought, how many watched, and what was pinned, on one axis of time. */
export function MinuteChart({ sales, table }: Props) {
  const [measure, setMeasure] = useState<Measure>('gmv');
  const [asTable, setAsTable] = useState(false);
  const minutes = everyMinute(sales.minutes);
  const name = measure === 'gmv' ? t('tileGmv') : t('orders');
  return (
    <>
      <header class="chart-head">
        <h2>{t('perMinute')}</h2>
        <div class="chart-tools no-print">
          {!asTable && (
            <Chips<Measure>
              label={t('measure')}
              value={measure}
              options={[
                { value: 'gmv', label: t('tileGmv') },
                { value: 'orders', label: t('orders') },
              ]}
              onChange={setMeasure}
            />
          )}
          <Button onClick={() => setAsTable(!asTable)}>{asTable ? t('asChart') : t('asTable')}</Button>
        </div>
      </header>
      {minutes.length === 0 ? (
        <p class="muted chart-none">{t('noMinutes')}</p>
      ) : asTable ? (
        table
      ) : (
        <>
          <Drawing sales={sales} measure={measure} name={name} />
          <ul class="chart-legend small muted">
            <li>
              <span class="legend-bar" aria-hidden="true" /> {name}
            </li>
            <li>
              <span class="legend-line" aria-hidden="true" /> {t('viewers')}
            </li>
            <li>
              <span class="legend-band" aria-hidden="true" /> {t('pins')}
            </li>
          </ul>
        </>
      )}
    </>
  );
}

interface DrawingProps {
  sales: Sales;
  measure: Measure;
  name: string;
}

function Drawing({ sales, measure, name }: DrawingProps) {
  const theme = useStore(chosenTheme);
  const speaking = useStore(language);
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const bands = useRef<Band[]>([]);
  const digits =
    new Intl.NumberFormat('en', { style: 'currency', currency: sales.currency }).resolvedOptions()
      .maximumFractionDigits ?? 2;
  const minutes = everyMinute(sales.minutes);
  const columns = seriesOf(minutes, measure, digits);
  bands.current = bandsOf(sales);

  useEffect(() => {
    const element = place.current!;
    const made = new uPlot(
      optionsOf(element, measure, { currency: sales.currency, digits, name, bands: () => bands.current }),
      columns,
      element,
    );
    chart.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [theme, speaking, measure, sales.currency]);
  useEffect(() => chart.current?.setData(columns), [sales]);

  const said = {
    measure: name,
    from: dateTime(minutes[0]!.minute, { timeStyle: 'short' }),
    until: dateTime(minutes.at(-1)!.minute, { timeStyle: 'short' }),
  };
  // Time runs left to right in every language.
  return <div class="chart" dir="ltr" ref={place} role="img" aria-label={t('chartSaid', said)} />;
}

interface Wording {
  currency: string;
  digits: number;
  name: string;
  bands: () => Band[];
}

function optionsOf(element: HTMLElement, measure: Measure, wording: Wording): uPlot.Options {
  const { currency, digits, name, bands } = wording;
  const style = getComputedStyle(element);
  const color = (token: string) => style.getPropertyValue(token).trim();
  const [accent, muted, line, text, viewers] = ['--accent', '--muted', '--line', '--text', '--ok'].map(color) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const exact = (value: number) =>
    measure === 'gmv' ? money({ amount: Math.round(value * 10 ** digits), currency }) : number(value);
  const axis = {
    stroke: muted,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    font: `12px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height,
    padding: [20, 8, 0, 0],
    legend: { live: true },
    cursor: { y: false, points: { size: 8 } },
    scales: {
      x: { time: true, range: (plot) => spanOf(plot.data[0] as number[]) },
      y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] },
      viewers: { range: (_, __, most) => [0, Math.max(4, most * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 30,
        incrs: axisSteps,
        space: 64,
        grid: { show: false },
        values: (_, ticks) => ticks.map((at) => dateTime(at * 1000, { timeStyle: 'short' })),
      },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((value) => compact(value)) },
      { ...axis, scale: 'viewers', side: 1, size: 52, grid: { show: false }, values: (_, ticks) => ticks.map(compact) },
    ],
    series: [
      {
        value: (_, at) =>
          at === null || at === undefined ? '–' : dateTime((at - halfMinute) * 1000, { timeStyle: 'short' }),
        label: t('minute'),
      },
      {
        label: name,
        fill: `color-mix(in srgb, ${accent} 80%, transparent)`,
        stroke: accent,
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars!({ size: [0.7, 24], radius: 0.15 }),
        value: (_, value) => (value === null || value === undefined ? '–' : exact(value)),
      },
      {
        label: t('viewers'),
        scale: 'viewers',
        stroke: viewers,
        width: 2,
        points: { show: false },
        value: (_, value) => (value === null || value === undefined ? '–' : number(value)),
      },
    ],
    hooks: {
      // The reading under the chart shows while something is read.
      setCursor: [(plot) => plot.root.classList.toggle('chart-reading', plot.cursor.idx !== null)],
      drawClear: [(plot) => drawBands(plot, bands(), { fill: accent, text, font: style.fontFamily })],
    },
  };
}

/** The axis of time: a little room at both ends, and ten minutes at the least, so that one bar is not the whole. */
function spanOf(seconds: number[]): [number, number] {
  const first = seconds[0] ?? 0;
  const last = seconds.at(-1) ?? first;
  return [first - halfMinute, Math.max(last, first + 9 * 60) + halfMinute];
}

/** drawBands shades the time of each pin behind the figures, and names it where there is room. */
function drawBands(plot: uPlot, bands: Band[], look: { fill: string; text: string; font: string }): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, 0, bbox.width, bbox.top + bbox.height);
  ctx.clip();
  ctx.font = `${11 * ratio}px ${look.font}`;
  ctx.textBaseline = 'top';
  for (const band of bands) {
    const left = plot.valToPos(band.from, 'x', true);
    const right = plot.valToPos(band.until, 'x', true);
    ctx.globalAlpha = 0.12;
    ctx.fillStyle = look.fill;
    ctx.fillRect(left, bbox.top, Math.max(ratio, right - left), bbox.height);
    ctx.globalAlpha = 0.5;
    ctx.fillRect(left, bbox.top, ratio, bbox.height);
    ctx.globalAlpha = 0.9;
    ctx.fillStyle = look.text;
    const title = fit(ctx, band.title, right - left - 4 * ratio);
    if (title) ctx.fillText(title, left + 2 * ratio, 4 * ratio);
  }
  ctx.restore();
}

/** fit cuts a text to a width; where less than three letters would stay there is none. */
function fit(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (ctx.measureText(text).width <= width) return text;
  let cut = text;
  while (cut.length > 2 && ctx.measureText(`${cut}…`).width > width) cut = cut.slice(0, -1);
  return cut.length > 2 ? `${cut.trimEnd()}…` : '';
}
