import pinIcon from 'lucide-static/icons/pin.svg?raw';
import pinOffIcon from 'lucide-static/icons/pin-off.svg?raw';
import { pictureURL } from '../../api/client';
import type { Product } from '../../api/types';
import { money } from '../../i18n/format';
import { t as manage } from '../../manage/messages';
import { Button, IconButton } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { Skeleton } from '../../ui/Skeleton';
import { t } from './messages';
import { stockNow } from './room';
import type { Pins } from './usePins';

interface Props {
  run: Product[] | undefined;
  stock: Record<string, number>;
  pinned: readonly string[];
  armed: string | undefined;
  onAir: boolean;
  pins: Pins;
  shop: string | undefined;
  onArm: (product: string) => void;
  onEdit: () => void;
}

/** Rundown is the list of what is shown, in its order: what is on, what is next, and the button for each. */
export function Rundown({ run, stock, pinned, armed, onAir, pins, shop, onArm, onEdit }: Props) {
  if (!run) return <RundownSkeleton />;
  if (run.length === 0) {
    const add = (
      <a class="button button-accent" href={`/seller/${shop ?? ''}/products`}>
        {t('addProducts')}
      </a>
    );
    return <Notice title={t('noProducts')} text={t('noProductsText')} action={add} />;
  }
  return (
    <section class="rundown" aria-label={t('run')}>
      <header class="rundown-head">
        <h2>{t('run')}</h2>
        <Button kind="quiet" onClick={onEdit}>
          {t('editRun')}
        </Button>
      </header>
      {!onAir && <p class="small muted rundown-hint">{t('pinWhenLive')}</p>}
      <OnScreen pins={pins} onAir={onAir} />
      <ol class="rundown-list">
        {run.map((product) => (
          <Row
            key={product.id}
            product={product}
            left={stockNow(product, stock)}
            on={pinned.includes(product.id)}
            armed={product.id === armed}
            busy={pins.busy === product.id}
            mayPin={onAir && (!pins.full || pinned.includes(product.id))}
            onArm={() => onArm(product.id)}
            onPin={() => void pins.pin(product)}
            onUnpin={() => void pins.unpin(product)}
          />
        ))}
      </ol>
      <p class="visually-hidden" role="status">
        {pins.said}
      </p>
    </section>
  );
}

/** OnScreen is what lies over the picture now, and whether the next pin goes beside it. */
function OnScreen({ pins, onAir }: { pins: Pins; onAir: boolean }) {
  const { now, several, full } = pins;
  return (
    <div class="on-screen" data-on-screen={now.length}>
      {now.length > 0 && (
        <ul aria-label={t('onScreen')}>
          {now.map((pin) => {
            const title = pin.set?.name ?? pin.product.title;
            return (
              <li key={pin.id}>
                <Picture product={pin.product} size={32} />
                <span class="on-screen-title" dir="auto">
                  {title}
                </span>
                <IconButton
                  svg={pinOffIcon}
                  label={t('unpinNamed', { title })}
                  disabled={!onAir || pins.busy !== undefined}
                  onClick={() => void pins.remove(pin)}
                />
              </li>
            );
          })}
        </ul>
      )}
      <label class="chat-check">
        <input type="checkbox" checked={several} onChange={(event) => pins.setSeveral(event.currentTarget.checked)} />
        <span>
          {t('several')}
          {full && <small class="muted"> {t('severalFull')}</small>}
        </span>
      </label>
    </div>
  );
}

interface RowProps {
  product: Product;
  left: number;
  on: boolean;
  armed: boolean;
  busy: boolean;
  mayPin: boolean;
  onArm: () => void;
  onPin: () => void;
  onUnpin: () => void;
}

function Row({ product, left, on, armed, busy, mayPin, onArm, onPin, onUnpin }: RowProps) {
  const { title } = product;
  return (
    <li class="rundown-row" data-on={on} data-armed={armed} aria-current={on ? 'true' : undefined}>
      <button type="button" class="rundown-what" onClick={onArm} aria-pressed={armed}>
        <Picture product={product} />
        <span class="rundown-text">
          <span class="rundown-title" dir="auto">
            {title}
          </span>
          <span class="small tabular">
            {money(product.price)} ·{' '}
            <span class={left === 0 ? 'rundown-out' : 'muted'}>
              {left === 0 ? manage('soldOut') : manage('left', { count: left })}
            </span>
          </span>
          {(on || armed) && <span class="rundown-mark">{on ? t('pinned') : t('next')}</span>}
        </span>
      </button>
      <Button
        kind={on ? 'plain' : armed ? 'accent' : 'plain'}
        svg={on ? pinOffIcon : pinIcon}
        busy={busy}
        disabled={!mayPin}
        aria-label={on ? t('unpinNamed', { title }) : t('pinNamed', { title })}
        onClick={(event) => {
          // After a click the space bar belongs to the show again, not to this button.
          if (event.detail > 0) event.currentTarget.blur();
          if (on) onUnpin();
          else onPin();
        }}
      >
        {on ? t('unpin') : t('pin')}
      </Button>
    </li>
  );
}

export function Picture({ product, size = 48 }: { product: Pick<Product, 'picture'>; size?: number }) {
  const url = pictureURL(product.picture);
  if (!url) return <span class="picture" style={{ inlineSize: `${size}px`, blockSize: `${size}px` }} />;
  return <img class="picture" src={url} alt="" width={size} height={size} loading="lazy" decoding="async" />;
}

function RundownSkeleton() {
  return (
    <div class="rundown" aria-busy="true">
      {[0, 1, 2, 3, 4].map((n) => (
        <div key={n} class="rundown-row">
          <Skeleton width="48px" height="48px" />
          <span class="rundown-text">
            <Skeleton width="70%" height="16px" />
            <Skeleton width="40%" height="12px" />
          </span>
        </div>
      ))}
    </div>
  );
}
