import { useEffect, useRef, useState } from 'preact/hooks';
import minus from 'lucide-static/icons/minus.svg?raw';
import plus from 'lucide-static/icons/plus.svg?raw';
import { explain } from '../api/errors';
import type { CheckoutRequest, PinVariant } from '../api/types';
import { useStore } from '../app/store';
import { account } from '../auth/auth';
import { money, number } from '../i18n/format';
import { SignIn } from '../pages/account/SignIn';
import { Button, IconButton } from '../ui/Button';
import { Chips } from '../ui/Field';
import { Sheet } from '../ui/Sheet';
import { Skeleton } from '../ui/Skeleton';
import { follow, newKey, settled, submit, type Placed } from './checkout';
import { t } from './messages';
import { times } from './money';
import { PayDetails, usePayDetails } from './PayDetails';
import { Picture } from './Picture';
import { Price } from './Price';
import { Result, type Ending } from './Result';
import { Stock } from './Stock';
import { loadWallet, wallet } from './wallet';
import './buy.css';

/** What is bought, and where it was seen. */
export interface Offer {
  product: { id: string; title: string; picture?: string; kind?: string };
  variants: PinVariant[];
  context: () => Pick<CheckoutRequest, 'broadcast' | 'view_session' | 'pin' | 'media_time'>;
  /** A quote ran out or stock is gone: what is known of the offer should be asked for again. */
  refresh?: () => void;
}

interface Props {
  offer: Offer | undefined;
  onClose: () => void;
  onPick?: (variant: string) => void;
}

/** One purchase under one key: a retry sends the very same request. */
interface Attempt {
  key: string;
  same: string;
  request: CheckoutRequest;
}

const quantityMax = 20;

/** BuySheet takes a buyer from a card to an order without leaving the picture. A known buyer taps once in it. */
export function BuySheet({ offer, onClose, onPick }: Props) {
  const kept = useRef<Offer | undefined>(undefined);
  kept.current = offer ?? kept.current; // stays visible while the sheet leaves
  if (!kept.current) return null;
  return <Buying key={kept.current.product.id} offer={kept.current} open={!!offer} onClose={onClose} onPick={onPick} />;
}

function Buying({ offer, open, onClose, onPick }: Props & { offer: Offer; open: boolean }) {
  const who = useStore(account);
  const saved = useStore(wallet);
  const [picked, setPicked] = useState<string>();
  const [wish, setWish] = useState(1);
  const [busy, setBusy] = useState(false);
  const [crowded, setCrowded] = useState(false);
  const [ending, setEnding] = useState<Ending>();
  const [walletError, setWalletError] = useState<unknown>();
  const details = usePayDetails(offer.product.kind !== 'service' && offer.product.kind !== 'digital');
  const attempt = useRef<Attempt | undefined>(undefined);
  const form = useRef<HTMLFormElement>(null);

  useEffect(() => {
    if (!who || saved || !open) return;
    loadWallet().then(() => setWalletError(undefined), setWalletError);
  }, [who?.id, open, saved]);

  const variant = choose(offer.variants, picked);
  const quantity = Math.max(1, Math.min(wish, variant?.available ?? 1, quantityMax));
  const total = variant && times(variant.price, quantity);

  const pay = async () => {
    if (!variant || busy) return;
    if (form.current && !form.current.reportValidity()) return;
    setBusy(true);
    setEnding(undefined);
    try {
      const { instrument, shipTo } = await details.save();
      const lines = [{ variant: variant.id, quantity, quote: variant.quote || undefined }];
      // What was seen when is fixed with the first tap: a retry must be the same request.
      const same = JSON.stringify({ lines, instrument, shipTo });
      if (attempt.current?.same !== same) {
        const request = { lines, instrument, ship_to: shipTo, ...offer.context() };
        attempt.current = { key: newKey(), same, request };
      }
      const { key, request } = attempt.current;
      const outcome = await submit(request, key, { onBusy: () => setCrowded(true) });
      if (outcome.kind === 'placed') {
        setEnding({ kind: 'order', placed: outcome.placed, total: total! });
        if (outcome.placed.state !== 'held') attempt.current = undefined;
      } else {
        if (outcome.kind !== 'failed') {
          attempt.current = undefined;
          offer.refresh?.();
        }
        setEnding(outcome);
      }
    } catch (error) {
      setEnding({ kind: 'failed', error });
    } finally {
      setBusy(false);
      setCrowded(false);
    }
  };

  const waiting = ending?.kind === 'order' && !settled(ending.placed.state) ? ending.placed.order : undefined;
  useEffect(() => {
    if (!waiting) return;
    const abort = new AbortController();
    const tell = (placed: Placed) =>
      setEnding((was) => (was?.kind === 'order' ? { ...was, placed: { ...was.placed, ...placed } } : was));
    void follow(waiting, tell, abort.signal);
    return () => abort.abort();
  }, [waiting]);

  const close = () => {
    onClose();
    // The next tap on Buy begins anew, unless this one is still on its way.
    if (ending && ending.kind !== 'failed' && !waiting) setEnding(undefined);
  };

  if (ending) {
    const back = (alsoPayment: boolean) => {
      setEnding(undefined);
      if (alsoPayment) details.change('payment');
    };
    return (
      <Sheet title={offer.product.title} open={open} onClose={close}>
        <Result ending={ending} onClose={close} onBack={back} onRetry={() => void pay()} />
      </Sheet>
    );
  }

  const ready = who && saved && variant;
  const footer = ready && total && (
    <Button kind="accent" wide busy={busy} disabled={variant.available <= 0} onClick={() => void pay()}>
      {busy ? t('paying', { amount: money(total) }) : t('pay', { amount: money(total) })}
    </Button>
  );
  return (
    <Sheet title={t('buy')} open={open} onClose={close} footer={footer}>
      <div class="buy">
        <div class="buy-head">
          <Picture picture={offer.product.picture} size={72} />
          <div>
            <p class="buy-title user-text" dir="auto">
              {offer.product.title}
            </p>
            {variant && <Price price={variant.price} compareAt={variant.compare_at} />}
            <Stock variants={variant ? [variant] : offer.variants} />
          </div>
        </div>
        {offer.variants.length > 1 && (
          <Chips
            label={t('variant')}
            value={variant?.id}
            options={offer.variants.map((one) => ({
              value: one.id,
              label: one.title,
              off: one.available <= 0,
              note: one.available <= 0 ? t('soldOut') : undefined,
            }))}
            onChange={(id) => {
              setPicked(id);
              onPick?.(id);
            }}
          />
        )}
        <Quantity value={quantity} max={Math.min(variant?.available ?? 1, quantityMax)} onChange={setWish} />
        {total && (
          <p class="buy-total">
            <span>{t('total')}</span>
            <strong class="tabular">{money(total)}</strong>
            <small>
              {offer.product.kind === 'service' || offer.product.kind === 'digital'
                ? t('totalNoteService')
                : t('totalNote')}
            </small>
          </p>
        )}
        {crowded && (
          <p class="buy-busy" role="status">
            {t('busyTitle')}. {t('busyText')}
          </p>
        )}
        {who === null && (
          <>
            <p class="muted">{t('signUpFirst')}</p>
            <SignIn start="up" />
          </>
        )}
        {who && !saved && !walletError && <Skeleton height="112px" />}
        {who && !saved && !!walletError && (
          <p role="alert">
            {explain(walletError)}{' '}
            <Button onClick={() => void loadWallet().then(() => setWalletError(undefined), setWalletError)}>
              {t('payWith')}
            </Button>
          </p>
        )}
        {ready && (
          <form ref={form} onSubmit={(event) => event.preventDefault()}>
            <PayDetails details={details} />
          </form>
        )}
      </div>
    </Sheet>
  );
}

/** choose takes the picked variant while it can be had, else the first that can. */
function choose(variants: PinVariant[], picked: string | undefined): PinVariant | undefined {
  const available = variants.filter((one) => one.available > 0);
  return available.find((one) => one.id === picked) ?? available[0] ?? variants[0];
}

function Quantity({ value, max, onChange }: { value: number; max: number; onChange: (value: number) => void }) {
  return (
    <div class="quantity" role="group" aria-label={t('quantity')}>
      <span class="muted small">{t('quantity')}</span>
      <IconButton svg={minus} label={t('less')} disabled={value <= 1} onClick={() => onChange(value - 1)} />
      <output class="tabular" aria-live="polite">
        {number(value)}
      </output>
      <IconButton svg={plus} label={t('more')} disabled={value >= max} onClick={() => onChange(value + 1)} />
    </div>
  );
}
