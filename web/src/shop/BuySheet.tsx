import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import minus from 'lucide-static/icons/minus.svg?raw';
import plus from 'lucide-static/icons/plus.svg?raw';
import { explain } from '../api/errors';
import type { Money, PinVariant } from '../api/types';
import { useStore } from '../app/store';
import { account } from '../auth/auth';
import { t as common } from '../i18n/common';
import { clock, money, number } from '../i18n/format';
import { SignIn } from '../pages/account/SignIn';
import { Button, IconButton } from '../ui/Button';
import { Chips } from '../ui/Field';
import { Sheet } from '../ui/Sheet';
import { Skeleton } from '../ui/Skeleton';
import { t } from './messages';
import { times } from './money';
import { useOpening } from './opening';
import { PayDetails, usePayDetails } from './PayDetails';
import { Picture } from './Picture';
import { Price } from './Price';
import { usePurchase, type Offer } from './purchase';
import { Result } from './Result';
import { Stock } from './Stock';
import { useWait } from './wait';
import { Waiting } from './Waiting';
import { WaitRow } from './WaitRow';
import { loadWallet, wallet } from './wallet';
import './buy.css';

export type { Offer } from './purchase';

interface Props {
  offer: Offer | undefined;
  onClose: () => void;
  onPick?: (variant: string) => void;
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
  const details = usePayDetails(needsAddress(offer));
  const purchase = usePurchase(offer, details);
  const form = useRef<HTMLFormElement>(null);

  const variant = choose(offer.variants, picked);
  const opening = useOpening(variant?.opens_at);
  const soldOut = variant !== undefined && variant.available <= 0;
  const list = useWait(who ? variant?.id : undefined, open && soldOut, variant?.called);
  const quantity = Math.max(1, Math.min(wish, variant?.available ?? 1, quantityMax));
  const total = variant && times(variant.price, quantity);
  const pay = () => {
    if (!variant || !total || (form.current && !form.current.reportValidity())) return;
    void purchase.pay(variant, quantity, total);
  };
  const close = () => {
    onClose();
    // The next tap on Buy begins anew, unless this one is still on its way.
    if (purchase.ending && purchase.ending.kind !== 'failed' && !purchase.waiting) purchase.forget();
  };

  if (purchase.ending) {
    const back = (payment: boolean) => {
      purchase.forget();
      if (payment) details.change('payment');
    };
    return (
      <Sheet title={offer.product.title} open={open} onClose={close}>
        <Result ending={purchase.ending} onClose={close} onBack={back} onRetry={pay} />
      </Sheet>
    );
  }

  if (purchase.queue) {
    return (
      <Sheet title={offer.product.title} open={open} onClose={close}>
        <Waiting queue={purchase.queue} />
      </Sheet>
    );
  }

  const footer = who && saved && variant && total && (
    <Button kind="accent" wide busy={purchase.busy} disabled={(soldOut && !list.kept) || opening > 0} onClick={pay}>
      {opening > 0
        ? t('opensIn', { time: clock(opening) })
        : purchase.busy
          ? t('paying', { amount: money(total) })
          : t('pay', { amount: money(total) })}
    </Button>
  );
  return (
    <Sheet title={t('buy')} open={open} onClose={close} footer={footer}>
      <div class="buy">
        <Head offer={offer} variant={variant} />
        <Choice
          variants={offer.variants}
          variant={variant}
          onPick={(id) => {
            setPicked(id);
            onPick?.(id);
          }}
        />
        <Quantity value={quantity} max={Math.min(variant?.available ?? 1, quantityMax)} onChange={setWish} />
        {who && saved && soldOut && <WaitRow list={list} />}
        {total && <Total total={total} delivered={details.needsAddress} />}
        {opening > 0 && (
          <p class="buy-busy tabular" role="timer">
            {t('notOpen')}. {t('opensIn', { time: clock(opening) })}
          </p>
        )}
        {purchase.crowded && (
          <p class="buy-busy" role="status">
            {t('busyTitle')}. {t('busyText')}
          </p>
        )}
        <Buyer open={open}>
          <form ref={form} onSubmit={(event) => event.preventDefault()}>
            <PayDetails details={details} />
          </form>
        </Buyer>
        {!!purchase.problem && (
          <p class="buy-problem" role="alert">
            {explain(purchase.problem)}
          </p>
        )}
      </div>
    </Sheet>
  );
}

function needsAddress({ product }: Offer): boolean {
  return product.kind !== 'service' && product.kind !== 'digital';
}

/** choose takes the picked variant, which one may also wait for, else the first that can be had. */
function choose(variants: PinVariant[], picked: string | undefined): PinVariant | undefined {
  return variants.find((one) => one.id === picked) ?? variants.find((one) => one.available > 0) ?? variants[0];
}

function Head({ offer, variant }: { offer: Offer; variant: PinVariant | undefined }) {
  return (
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
  );
}

interface ChoiceProps {
  variants: PinVariant[];
  variant: PinVariant | undefined;
  onPick: (id: string) => void;
}

/** Choice among variants. What is sold out is struck through, not hidden. */
function Choice({ variants, variant, onPick }: ChoiceProps) {
  if (variants.length < 2) return null;
  const options = variants.map((one) => {
    const off = one.available <= 0;
    return { value: one.id, label: one.title, off, note: off ? t('soldOut') : undefined };
  });
  return <Chips label={t('variant')} value={variant?.id} options={options} onChange={onPick} />;
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

function Total({ total, delivered }: { total: Money; delivered: boolean }) {
  return (
    <p class="buy-total">
      <span>{t('total')}</span>
      <strong class="tabular">{money(total)}</strong>
      <small>{delivered ? t('totalNote') : t('totalNoteService')}</small>
    </p>
  );
}

/** Buyer makes sure who buys: a new one signs up right here; then what they have saved is fetched. */
function Buyer({ open, children }: { open: boolean; children: ComponentChildren }) {
  const who = useStore(account);
  const saved = useStore(wallet);
  const [error, setError] = useState<unknown>();
  const load = () => void loadWallet().then(() => setError(undefined), setError);
  useEffect(() => {
    if (who && !saved && open) load();
  }, [who?.id, open, saved]);

  if (who === null) {
    return (
      <>
        <p class="muted">{t('signUpFirst')}</p>
        <SignIn start="up" />
      </>
    );
  }
  if (who && saved) return <>{children}</>;
  if (!error) return <Skeleton height="112px" />;
  return (
    <p role="alert">
      {explain(error)} <Button onClick={load}>{common('retry')}</Button>
    </p>
  );
}
