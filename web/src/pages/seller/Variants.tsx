import { useState } from 'preact/hooks';
import plusIcon from 'lucide-static/icons/plus.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import type { Product, Variant } from '../../api/types';
import { minorUnits, money, number } from '../../i18n/format';
import { t as common } from '../../i18n/common';
import { decimal } from '../../manage/csv';
import { Button } from '../../ui/Button';
import { Field, Select } from '../../ui/Field';
import { toast } from '../../ui/Toast';
import { t } from './messages';
import { readDelta } from './stock';

interface Props {
  product: Product;
  mayWrite: boolean;
  onChanged: () => void;
}

type Open = { variant: string; what: 'stock' | 'price' } | { what: 'new' } | undefined;

/** Variants lists what can be bought of a product: the price and the stock of each, and how to change them. */
export function Variants({ product, mayWrite, onChanged }: Props) {
  const [open, setOpen] = useState<Open>();
  const done = () => {
    setOpen(undefined);
    onChanged();
  };
  return (
    <section class="form" aria-label={t('variants')}>
      <h3>{t('variants')}</h3>
      <ul class="variant-list">
        {product.variants.map((one) => (
          <li key={one.id}>
            <div class="variant-line">
              <span dir="auto">
                <strong>{one.title}</strong>
                {one.sku && <small class="muted"> {one.sku}</small>}
                <br />
                <span class="small tabular">
                  {money(one.price)} ·{' '}
                  <span class={one.available > 0 ? 'muted' : 'table-bad'}>
                    {t('stock')}: {number(one.available)}
                  </span>
                </span>
              </span>
              {mayWrite && (
                <span class="variant-tools">
                  <Button onClick={() => setOpen(toggle(open, one.id, 'stock'))}>{t('stock')}</Button>
                  <Button onClick={() => setOpen(toggle(open, one.id, 'price'))}>{t('price')}</Button>
                </span>
              )}
            </div>
            {isOpen(open, one.id, 'stock') && <AdjustStock variant={one} onDone={done} />}
            {isOpen(open, one.id, 'price') && <ChangePrice variant={one} onDone={done} />}
          </li>
        ))}
      </ul>
      {mayWrite &&
        (open?.what === 'new' ? (
          <AddVariant product={product} onDone={done} />
        ) : (
          <Button svg={plusIcon} onClick={() => setOpen({ what: 'new' })}>
            {t('addVariant')}
          </Button>
        ))}
    </section>
  );
}

function toggle(open: Open, variant: string, what: 'stock' | 'price'): Open {
  return isOpen(open, variant, what) ? undefined : { variant, what };
}

function isOpen(open: Open, variant: string, what: 'stock' | 'price'): boolean {
  return open?.what === what && 'variant' in open && open.variant === variant;
}

const reasons = {
  delivery: 'whyDelivery',
  count: 'whyCount',
  damage: 'whyDamage',
  correction: 'whyCorrection',
} as const;
type Reason = keyof typeof reasons;

function AdjustStock({ variant, onDone }: { variant: Variant; onDone: () => void }) {
  const [text, setText] = useState('');
  const [reason, setReason] = useState<Reason>('delivery');
  const [key, setKey] = useState(() => crypto.randomUUID());
  const { busy, error, send } = useSending(onDone);
  const delta = readDelta(text);
  const below = delta !== undefined && variant.available + delta < 0;
  const problem = below
    ? t('adjustBelow', { count: variant.available })
    : text && delta === undefined
      ? t('adjustNone')
      : undefined;
  const submit = (event: Event) => {
    event.preventDefault();
    if (delta === undefined || below) return;
    void send(() =>
      api.post(`/v1/variants/${variant.id}/stock`, { delta, reason }, { idempotencyKey: key }).finally(() => {
        setKey(crypto.randomUUID());
      }),
    );
  };
  return (
    <form class="form variant-form" aria-label={t('adjustOf', { title: variant.title })} onSubmit={submit}>
      <div class="form-row">
        <Field
          label={t('adjustBy')}
          hint={t('adjustHint')}
          inputMode="text"
          dir="ltr"
          required
          value={text}
          error={problem}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <Select
          label={t('adjustWhy')}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value as Reason)}
        >
          {Object.entries(reasons).map(([value, name]) => (
            <option key={value} value={value}>
              {t(name)}
            </option>
          ))}
        </Select>
      </div>
      {error && <FormError text={error} />}
      <Button type="submit" kind="accent" busy={busy} disabled={delta === undefined || below}>
        {delta === undefined || below ? t('adjust') : t('adjustTo', { count: variant.available + delta })}
      </Button>
    </form>
  );
}

function ChangePrice({ variant, onDone }: { variant: Variant; onDone: () => void }) {
  const { currency } = variant.price;
  const [text, setText] = useState(decimal(variant.price.amount, currency));
  const { busy, error, send } = useSending(onDone);
  const before = localTime(variant.opens_at);
  const [opens, setOpens] = useState(before);
  const amount = minorUnits(text, currency);
  const submit = (event: Event) => {
    event.preventDefault();
    if (amount === undefined) return;
    // No time is a time that has passed: it is open.
    const opening = opens === before ? {} : { opens_at: new Date(opens || Date.now()).toISOString() };
    void send(() => api.patch(`/v1/variants/${variant.id}`, { price: { amount, currency }, ...opening }));
  };
  return (
    <form class="form variant-form" onSubmit={submit}>
      <Field
        label={`${t('price')} (${currency})`}
        inputMode="decimal"
        dir="ltr"
        required
        value={text}
        error={amount === undefined ? t('notPrice') : undefined}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Field
        label={t('opensAt')}
        hint={t('opensAtHint')}
        type="datetime-local"
        dir="ltr"
        value={opens}
        onInput={(event) => setOpens(event.currentTarget.value)}
      />
      {error && <FormError text={error} />}
      <Button
        type="submit"
        kind="accent"
        busy={busy}
        disabled={amount === undefined || (amount === variant.price.amount && opens === before)}
      >
        {common('save')}
      </Button>
    </form>
  );
}

/** localTime writes a moment that is still to come as a datetime-local field has it; empty for any other. */
function localTime(moment: string | undefined): string {
  const at = moment ? new Date(moment) : undefined;
  if (!at || !(at.getTime() > Date.now())) return '';
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function AddVariant({ product, onDone }: { product: Product; onDone: () => void }) {
  const [title, setTitle] = useState('');
  const [sku, setSku] = useState('');
  const [stock, setStock] = useState('');
  const [key] = useState(() => crypto.randomUUID());
  const { busy, error, send } = useSending(onDone);
  const submit = (event: Event) => {
    event.preventDefault();
    const body = { title: title.trim(), ...(sku.trim() && { sku: sku.trim() }), stock: Number(stock) || 0 };
    void send(() => api.post(`/v1/products/${product.id}/variants`, body, { idempotencyKey: key }));
  };
  return (
    <form class="form variant-form" onSubmit={submit}>
      <Field
        label={t('variantTitle')}
        required
        maxLength={60}
        dir="auto"
        value={title}
        onInput={(event) => setTitle(event.currentTarget.value)}
      />
      <div class="form-row">
        <Field
          label={t('sku')}
          maxLength={60}
          dir="ltr"
          value={sku}
          onInput={(event) => setSku(event.currentTarget.value)}
        />
        <Field
          label={t('opening')}
          type="number"
          min={0}
          max={1_000_000}
          required
          value={stock}
          onInput={(event) => setStock(event.currentTarget.value)}
        />
      </div>
      {error && <FormError text={error} />}
      <Button type="submit" kind="accent" busy={busy}>
        {t('addVariant')}
      </Button>
    </form>
  );
}

function FormError({ text }: { text: string }) {
  return (
    <p class="form-error" role="alert">
      {text}
    </p>
  );
}

/** useSending runs one request at a time and keeps what went wrong beside the form. */
function useSending(onDone: () => void) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const send = async (act: () => Promise<unknown>) => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await act();
      toast(t('saved'));
      onDone();
    } catch (cause) {
      setError(explain(cause));
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, send };
}
