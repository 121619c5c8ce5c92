import { useState } from 'preact/hooks';
import plusIcon from 'lucide-static/icons/plus.svg?raw';
import trashIcon from 'lucide-static/icons/trash-2.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import type { Shop } from '../../api/types';
import { minorUnits } from '../../i18n/format';
import { Button, IconButton } from '../../ui/Button';
import { Field, TextArea } from '../../ui/Field';
import { t } from './messages';

interface VariantDraft {
  title: string;
  sku: string;
  stock: string;
}

const none: VariantDraft = { title: '', sku: '', stock: '' };

/** NewProduct is the form for one product with its variants and what is in stock of each. */
export function NewProduct({ shop, onMade }: { shop: Shop; onMade: (id: string) => void }) {
  const [title, setTitle] = useState('');
  const [description, setDescription] = useState('');
  const [price, setPrice] = useState('');
  const [before, setBefore] = useState('');
  const [variants, setVariants] = useState<VariantDraft[]>([none]);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [key, setKey] = useState(() => crypto.randomUUID());

  const amount = minorUnits(price, shop.currency);
  const amountBefore = before.trim() === '' ? 0 : minorUnits(before, shop.currency);
  const change = (at: number, part: Partial<VariantDraft>) =>
    setVariants(variants.map((one, index) => (index === at ? { ...one, ...part } : one)));

  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (busy || amount === undefined || amountBefore === undefined) return;
    setBusy(true);
    setError(undefined);
    try {
      const money = (value: number) => ({ amount: value, currency: shop.currency });
      const body = {
        title: title.trim(),
        ...(description.trim() && { description: description.trim() }),
        price: money(amount),
        ...(amountBefore > amount && { compare_at: money(amountBefore) }),
        variants: variants.map((one) => ({
          title: one.title.trim() || t('variantOne'),
          ...(one.sku.trim() && { sku: one.sku.trim() }),
          stock: Number(one.stock) || 0,
        })),
      };
      const made = await api.post<{ id: string }>(`/v1/shops/${shop.id}/products`, body, { idempotencyKey: key });
      onMade(made.id);
    } catch (cause) {
      setError(explain(cause));
      setKey(crypto.randomUUID());
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="form" onSubmit={(event) => void submit(event)}>
      <Field
        label={t('title')}
        required
        maxLength={120}
        dir="auto"
        value={title}
        onInput={(event) => setTitle(event.currentTarget.value)}
      />
      <TextArea
        label={t('description')}
        maxLength={2000}
        dir="auto"
        value={description}
        onInput={(event) => setDescription(event.currentTarget.value)}
      />
      <div class="form-row">
        <Field
          label={`${t('price')} (${shop.currency})`}
          required
          inputMode="decimal"
          dir="ltr"
          value={price}
          error={tried && amount === undefined ? t('notPrice') : undefined}
          onInput={(event) => setPrice(event.currentTarget.value)}
        />
        <Field
          label={t('compareAt')}
          inputMode="decimal"
          dir="ltr"
          value={before}
          error={tried && amountBefore === undefined ? t('notPrice') : undefined}
          onInput={(event) => setBefore(event.currentTarget.value)}
        />
      </div>
      <fieldset class="variants">
        <legend>{t('variants')}</legend>
        <p class="small muted">{t('variantsHint')}</p>
        {variants.map((one, at) => (
          <div class="variant-row" key={at}>
            <Field
              label={t('variantTitle')}
              placeholder={t('variantOne')}
              required={variants.length > 1}
              maxLength={60}
              dir="auto"
              value={one.title}
              onInput={(event) => change(at, { title: event.currentTarget.value })}
            />
            <Field
              label={t('sku')}
              maxLength={60}
              dir="ltr"
              value={one.sku}
              onInput={(event) => change(at, { sku: event.currentTarget.value })}
            />
            <Field
              label={t('opening')}
              type="number"
              min={0}
              max={1_000_000}
              required
              value={one.stock}
              onInput={(event) => change(at, { stock: event.currentTarget.value })}
            />
            <IconButton
              svg={trashIcon}
              label={t('removeVariant')}
              disabled={variants.length === 1}
              onClick={() => setVariants(variants.filter((_, index) => index !== at))}
            />
          </div>
        ))}
        <Button svg={plusIcon} disabled={variants.length >= 100} onClick={() => setVariants([...variants, none])}>
          {t('addVariant')}
        </Button>
      </fieldset>
      {error && (
        <p class="form-error" role="alert">
          {error}
        </p>
      )}
      <Button kind="accent" wide type="submit" busy={busy}>
        {t('makeProduct')}
      </Button>
    </form>
  );
}
