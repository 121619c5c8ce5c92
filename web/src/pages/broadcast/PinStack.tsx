import { useEffect, useRef } from 'preact/hooks';
import type { Pin } from '../../api/types';
import type { Room } from '../../room/room';
import { whenSeen } from '../../room/seen';
import { t as shop } from '../../shop/messages';
import { priceRange } from '../../shop/money';
import { Picture } from '../../shop/Picture';
import { Price } from '../../shop/Price';
import { Stock } from '../../shop/Stock';
import { Button } from '../../ui/Button';

interface Props {
  pins: readonly Pin[];
  room: Room;
  onBuy: (product: string, pin: string) => void;
}

/** PinStack shows what is pinned, the newest lowest, nearest to the thumb. */
export function PinStack({ pins, room, onBuy }: Props) {
  return (
    <ul class="pins">
      {pins.map((pin) => (
        <PinCard key={pin.id} pin={pin} room={room} onBuy={onBuy} />
      ))}
    </ul>
  );
}

function PinCard({ pin, room, onBuy }: { pin: Pin; room: Room; onBuy: Props['onBuy'] }) {
  const card = useRef<HTMLLIElement>(null);
  useEffect(() => whenSeen(card.current!, () => room.impression(pin.id, pin.product.id)), [pin.id]);

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
        disabled={!left}
        aria-label={left ? shop('buyLabel', { title: pin.product.title }) : undefined}
        onClick={() => onBuy(pin.product.id, pin.id)}
      >
        {left ? shop('buy') : shop('soldOut')}
      </Button>
    </li>
  );
}
