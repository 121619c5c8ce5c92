import { useRef, useState } from 'preact/hooks';
import archiveIcon from 'lucide-static/icons/archive.svg?raw';
import imageIcon from 'lucide-static/icons/image-up.svg?raw';
import { api, pictureURL, request } from '../../api/client';
import { explain } from '../../api/errors';
import type { Product } from '../../api/types';
import { minorUnits } from '../../i18n/format';
import { t as common } from '../../i18n/common';
import { decimal } from '../../manage/csv';
import { Hold } from '../../manage/Hold';
import { Button } from '../../ui/Button';
import { Field, TextArea } from '../../ui/Field';
import { toast } from '../../ui/Toast';
import { t } from './messages';
import { Variants } from './Variants';

interface Props {
  product: Product;
  mayWrite: boolean;
  onChanged: () => void;
  onArchived: () => void;
}

/** ProductEditor changes one product: its picture, its texts, its variants, whether it is on sale. */
export function ProductEditor({ product, mayWrite, onChanged, onArchived }: Props) {
  const [busy, setBusy] = useState(false);
  const archive = async (away: boolean) => {
    setBusy(true);
    try {
      if (away) await api.delete(`/v1/products/${product.id}`);
      else await api.patch(`/v1/products/${product.id}`, { state: 'active' });
      onArchived();
    } catch (error) {
      toast(explain(error), 'bad');
      setBusy(false);
    }
  };
  return (
    <div class="form">
      <ProductPicture product={product} mayWrite={mayWrite} onChanged={onChanged} />
      <Texts product={product} mayWrite={mayWrite} onChanged={onChanged} />
      <Variants product={product} mayWrite={mayWrite} onChanged={onChanged} />
      {mayWrite && product.state !== 'archived' && (
        <>
          <Hold svg={archiveIcon} wide busy={busy} onHold={() => void archive(true)}>
            {t('archive')}
          </Hold>
          <p class="small muted">{t('archiveText')}</p>
        </>
      )}
      {mayWrite && product.state === 'archived' && (
        <Button kind="accent" wide busy={busy} onClick={() => void archive(false)}>
          {t('restore')}
        </Button>
      )}
    </div>
  );
}

const pictureBytesMax = 2 * 1024 * 1024;
const pictureKinds = ['image/png', 'image/jpeg', 'image/webp'];

function ProductPicture({ product, mayWrite, onChanged }: Omit<Props, 'onArchived'>) {
  const input = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const url = pictureURL(product.picture);
  const send = async (file: File | undefined) => {
    if (!file) return;
    setError(undefined);
    if (!pictureKinds.includes(file.type)) return setError(t('pictureKind'));
    if (file.size > pictureBytesMax) return setError(t('pictureBig'));
    setBusy(true);
    try {
      await request('PUT', `/v1/products/${product.id}/picture`, { body: file });
      toast(t('pictureSaved'));
      onChanged();
    } catch (cause) {
      setError(explain(cause));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="picture-row">
      {url ? <img src={url} alt="" width={96} height={96} /> : <span class="product-none picture-large" />}
      {mayWrite && (
        <div class="form">
          <input
            ref={input}
            type="file"
            hidden
            accept={pictureKinds.join(',')}
            onChange={(event) => {
              void send(event.currentTarget.files?.[0]);
              event.currentTarget.value = '';
            }}
          />
          <Button svg={imageIcon} busy={busy} onClick={() => input.current?.click()}>
            {t('choosePicture')}
          </Button>
          <p class={error ? 'small form-error' : 'small muted'} role={error ? 'alert' : undefined}>
            {error ?? t('pictureHint')}
          </p>
        </div>
      )}
    </div>
  );
}

function Texts({ product, mayWrite, onChanged }: Omit<Props, 'onArchived'>) {
  const { currency } = product.price;
  const written = {
    title: product.title,
    description: product.description ?? '',
    price: decimal(product.price.amount, currency),
    before: product.compare_at ? decimal(product.compare_at.amount, currency) : '',
  };
  const [draft, setDraft] = useState(written);
  const [busy, setBusy] = useState(false);
  const amount = minorUnits(draft.price, currency);
  const before = draft.before.trim() === '' ? null : minorUnits(draft.before, currency);
  const changed = JSON.stringify(draft) !== JSON.stringify(written);
  const change = (part: Partial<typeof written>) => setDraft({ ...draft, ...part });
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy || amount === undefined || before === undefined) return;
    setBusy(true);
    try {
      const body: Record<string, unknown> = {};
      if (draft.title !== written.title) body['title'] = draft.title.trim();
      if (draft.description !== written.description) body['description'] = draft.description.trim();
      if (draft.price !== written.price) body['price'] = { amount, currency };
      if (draft.before !== written.before) body['compare_at'] = { amount: before ?? 0, currency };
      await api.patch(`/v1/products/${product.id}`, body);
      toast(t('saved'));
      onChanged();
    } catch (error) {
      toast(explain(error), 'bad');
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
        disabled={!mayWrite}
        value={draft.title}
        onInput={(event) => change({ title: event.currentTarget.value })}
      />
      <TextArea
        label={t('description')}
        maxLength={2000}
        dir="auto"
        disabled={!mayWrite}
        value={draft.description}
        onInput={(event) => change({ description: event.currentTarget.value })}
      />
      <div class="form-row">
        <Field
          label={`${t('price')} (${currency})`}
          required
          inputMode="decimal"
          dir="ltr"
          disabled={!mayWrite}
          value={draft.price}
          error={amount === undefined ? t('notPrice') : undefined}
          onInput={(event) => change({ price: event.currentTarget.value })}
        />
        <Field
          label={t('compareAt')}
          hint={t('compareAtHint')}
          inputMode="decimal"
          dir="ltr"
          disabled={!mayWrite}
          value={draft.before}
          error={before === undefined ? t('notPrice') : undefined}
          onInput={(event) => change({ before: event.currentTarget.value })}
        />
      </div>
      {mayWrite && (
        <Button kind="accent" type="submit" wide busy={busy} disabled={!changed}>
          {common('save')}
        </Button>
      )}
    </form>
  );
}
