import { useEffect, useRef } from 'preact/hooks';
import type { Pin, PinnedSet } from '../../api/types';
import { money } from '../../i18n/format';
import type { Room } from '../../room/room';
import { whenSeen } from '../../room/seen';
import { picturedIn } from '../../room/sets';
import { t as shop } from '../../shop/messages';
import { priceRange } from '../../shop/money';
import { Picture } from '../../shop/Picture';
import { Price } from '../../shop/Price';
import { Stock } from '../../shop/Stock';
import { Button } from '../../ui/Button';
import { t } from './messages';

interface Props {
  pins: readonly Pin[];
  room: Room;
  onBuy: (product: string, pin: string) => void;
  onSet: (pin: Pin) => void;
}

/** PinStack shows what is pinned, the newest lowest, nearest to the thumb. */
export function PinStack({ pins, room, onBuy, onSet }: Props) {
  return (
    <ul class="pins">
      {pins.map((pin) =>
        pin.set ? (
          <SetCard key={pin.id} pin={pin} set={pin.set} room={room} onSet={onSet} />
        ) : (
          <PinCard key={pin.id} pin={pin} room={room} onBuy={onBuy} />
        ),
      )}
    </ul>
  );
}

function PinCard({ pin, room, onBuy }: { pin: Pin; room: Room; onBuy: Props['onBuy'] }) {
  const card = useRef<HTMLLIElement>(null);
  useEffect(() => whenSeen(card.current!, () => room.impression(pin.product.id, pin.id)), [pin.id]);

  const range = priceRange(pin.variants);
  const left = pin.variants.some((variant) => variant.available > 0);
  return (
    <li class="pin" ref={card} data-pin={pin.id} data-product={pin.product.id} data-from={pin.from}>
      <Picture picture={pin.product.picture} size={64} />
      <div class="pin-text">
        <p class="pin-title user-text" dir="auto">
          {pin.product.title}
        </p>
        {range && <Price {...range} />}
        <Stock variants={pin.variants} />
      </div>
      <Button
        kind="accent"
        aria-label={left ? shop('buyLabel', { title: pin.product.title }) : undefined}
        onClick={() => onBuy(pin.product.id, pin.id)}
      >
        {left ? shop('buy') : shop('waitJoin')}
      </Button>
    </li>
  );
}

/** SetCard is several products that are pinned together: one card, and all of them behind one tap. */
function SetCard({ pin, set, room, onSet }: { pin: Pin; set: PinnedSet; room: Room; onSet: Props['onSet'] }) {
  const card = useRef<HTMLLIElement>(null);
  const now = useRef(pin);
  now.current = pin;
  const seen = () => picturedIn(now.current).forEach((product) => room.impression(product.id, pin.id));
  useEffect(() => whenSeen(card.current!, seen), [pin.id]);

  const products = set.products ?? [];
  const range = priceRange(products.flatMap((product) => product.variants));
  const left = products.length === 0 || products.some((one) => one.variants.some((variant) => variant.available > 0));
  return (
    <li class="pin pin-set" ref={card} data-pin={pin.id} data-set={set.id} data-from={pin.from}>
      <span class="pin-pictures" aria-hidden="true">
        {picturedIn(pin).map((one) => (
          <Picture key={one.id} picture={one.picture} size={64} />
        ))}
      </span>
      <div class="pin-text">
        <p class="pin-title user-text" dir="auto">
          {set.name}
        </p>
        <p class="small muted">{t('setCount', { count: set.count })}</p>
        {!left && <p class="small stock-out">{shop('soldOut')}</p>}
        {left && range && <p class="small tabular">{t('setFrom', { price: money(range.price) })}</p>}
      </div>
      <Button kind="accent" aria-label={t('setOpenLabel', { name: set.name })} onClick={() => onSet(pin)}>
        {t('setOpen')}
      </Button>
    </li>
  );
}
