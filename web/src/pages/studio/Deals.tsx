import { useEffect, useState } from 'preact/hooks';
import tag from 'lucide-static/icons/tag.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useEvery } from '../../api/load';
import type { DealRecord, Product } from '../../api/types';
import { clock, dateTime, minorUnits, money, number } from '../../i18n/format';
import { Hold } from '../../manage/Hold';
import { Button } from '../../ui/Button';
import { Field, Select } from '../../ui/Field';
import { Sheet } from '../../ui/Sheet';
import { toast } from '../../ui/Toast';
import { t } from './messages';

interface Props {
  broadcast: string;
  run: readonly Product[];
  onAir: boolean;
  /** The frame that the creator looks at. */
  shown: () => number | undefined;
}

/** Deals prepares deals, starts and ends them, and tells how they stand. */
export function Deals({ broadcast, run, onAir, shown }: Props) {
  const [deals, setDeals] = useState<DealRecord[]>([]);
  const [making, setMaking] = useState(false);
  const path = `/v1/broadcasts/${broadcast}/deals`;
  const read = () => {
    api.get<{ items: DealRecord[] }>(path).then(
      ({ items }) => setDeals(items ?? []),
      () => undefined, // the next turn asks again
    );
  };
  useEffect(read, [broadcast]);
  useEvery(1000, read);
  const act = async (deal: DealRecord, verb: 'start' | 'end') => {
    const time = shown();
    try {
      const body = time === undefined ? {} : { media_time: Math.round(time) };
      await api.post(`${path}/${deal.id}/${verb}`, onAir ? body : {});
    } catch (error) {
      toast(explain(error), 'bad');
    }
    read();
  };
  return (
    <section class="deals" aria-label={t('deals')}>
      <header class="rundown-head">
        <h2>{t('deals')}</h2>
        <Button kind="quiet" svg={tag} disabled={run.length === 0} onClick={() => setMaking(true)}>
          {t('dealNew')}
        </Button>
      </header>
      {deals.length === 0 && <p class="small muted">{t('dealsNone')}</p>}
      <ul class="deals-list">
        {[...deals].reverse().map((deal) => (
          <Row
            key={deal.id}
            deal={deal}
            title={run.find((one) => one.id === deal.product)?.title ?? ''}
            onAir={onAir}
            onStart={() => void act(deal, 'start')}
            onEnd={() => void act(deal, 'end')}
          />
        ))}
      </ul>
      <Sheet title={t('dealNew')} open={making} onClose={() => setMaking(false)}>
        <Form
          path={path}
          run={run}
          onMade={() => {
            setMaking(false);
            read();
          }}
        />
      </Sheet>
    </section>
  );
}

interface RowProps {
  deal: DealRecord;
  title: string;
  onAir: boolean;
  onStart: () => void;
  onEnd: () => void;
}

function Row({ deal, title, onAir, onStart, onEnd }: RowProps) {
  const waits = deal.state === 'prepared' || deal.state === 'scheduled';
  const runs = deal.state === 'announced' || deal.state === 'open';
  return (
    <li class="deals-row" data-deal={deal.id} data-state={deal.state}>
      <span class="rundown-text">
        <span class="rundown-title" dir="auto">
          {title}
        </span>
        <span class="small tabular">
          {money(deal.price)} ·{' '}
          {t('dealTaken', { taken: number(deal.quantity - deal.left), quantity: number(deal.quantity) })}
        </span>
        <span class="small muted">{standing(deal)}</span>
      </span>
      {waits && (
        <Hold kind="accent" disabled={!onAir} onHold={onStart}>
          {t('dealStart')}
        </Hold>
      )}
      {runs && (
        <Hold kind="bad" onHold={onEnd}>
          {t('dealEnd')}
        </Hold>
      )}
    </li>
  );
}

function standing(deal: DealRecord): string {
  const until = (date: string | undefined) => clock(Math.max(0, (Date.parse(date ?? '') - Date.now()) / 1000));
  switch (deal.state) {
    case 'prepared':
      return t('dealPrepared');
    case 'scheduled':
      return t('dealScheduled', { time: dateTime(deal.starts_at ?? 0) });
    case 'announced':
      return t('dealOpensIn', { time: until(deal.opens_at) });
    case 'open':
      return t('dealEndsIn', { time: until(deal.ends_at) });
    case 'ended':
      return deal.left === 0 ? t('dealSold') : t('dealEnded');
    case 'cancelled':
      return t('dealCancelled');
  }
}

const countdowns = [10, 30, 60, 120, 300];
const durations = [60, 120, 300, 600, 1200];

function Form({ path, run, onMade }: { path: string; run: readonly Product[]; onMade: () => void }) {
  const [product, setProduct] = useState('');
  const [price, setPrice] = useState('');
  const [quantity, setQuantity] = useState('20');
  const [perBuyer, setPerBuyer] = useState('1');
  const [countdown, setCountdown] = useState('30');
  const [duration, setDuration] = useState('300');
  const [starts, setStarts] = useState('');
  const [fair, setFair] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const chosen = run.find((one) => one.id === product) ?? run[0];
  const currency = chosen?.price.currency ?? '';
  const submit = async (event: Event) => {
    event.preventDefault();
    const amount = minorUnits(price, currency);
    if (!chosen || amount === undefined) {
      setError(t('dealPriceBad'));
      return;
    }
    setBusy(true);
    setError('');
    try {
      await api.post(path, {
        product: chosen.id,
        price: { amount, currency },
        quantity: Number(quantity),
        per_buyer: Number(perBuyer),
        countdown_s: Number(countdown),
        duration_s: Number(duration),
        fair,
        ...(starts ? { starts_at: new Date(starts).toISOString() } : {}),
      });
      onMade();
    } catch (cause) {
      setError(explain(cause));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="form" onSubmit={(event) => void submit(event)}>
      <Select label={t('dealProduct')} value={chosen?.id} onChange={(event) => setProduct(event.currentTarget.value)}>
        {run.map((one) => (
          <option key={one.id} value={one.id}>
            {one.title} · {money(one.price)}
          </option>
        ))}
      </Select>
      <div class="form-row">
        <Field
          label={`${t('dealPrice')} (${currency})`}
          required
          inputMode="decimal"
          dir="ltr"
          value={price}
          onInput={(event) => setPrice(event.currentTarget.value)}
        />
        <Field
          label={t('dealQuantity')}
          type="number"
          min={1}
          max={1_000_000}
          required
          value={quantity}
          onInput={(event) => setQuantity(event.currentTarget.value)}
        />
        <Field
          label={t('dealPerBuyer')}
          type="number"
          min={0}
          max={10_000}
          required
          value={perBuyer}
          onInput={(event) => setPerBuyer(event.currentTarget.value)}
        />
      </div>
      <div class="form-row">
        <Select label={t('dealCountdown')} value={countdown} onChange={(e) => setCountdown(e.currentTarget.value)}>
          {countdowns.map((one) => (
            <option key={one} value={one}>
              {clock(one)}
            </option>
          ))}
        </Select>
        <Select label={t('dealDuration')} value={duration} onChange={(e) => setDuration(e.currentTarget.value)}>
          {durations.map((one) => (
            <option key={one} value={one}>
              {clock(one)}
            </option>
          ))}
        </Select>
      </div>
      <Field
        label={t('dealStarts')}
        hint={t('dealStartsHint')}
        type="datetime-local"
        value={starts}
        onInput={(event) => setStarts(event.currentTarget.value)}
      />
      <label class="deals-fair">
        <input type="checkbox" checked={fair} onChange={(event) => setFair(event.currentTarget.checked)} />
        <span>
          {t('dealFair')}
          <small class="muted">{t('dealFairHint')}</small>
        </span>
      </label>
      {error && (
        <p class="form-error" role="alert">
          {error}
        </p>
      )}
      <Button kind="accent" wide type="submit" busy={busy}>
        {t('dealPrepare')}
      </Button>
    </form>
  );
}
