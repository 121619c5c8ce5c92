import type { MediaTime, Pin } from '../../api/types';
import { t as shop } from '../../shop/messages';
import { priceRange } from '../../shop/money';
import { Picture } from '../../shop/Picture';
import { Price } from '../../shop/Price';
import { Stock } from '../../shop/Stock';
import { Button } from '../../ui/Button';

/** A frame may seem to lie just before its own time: playlists cut dates to milliseconds. */
const toleranceMicroseconds = 8_000;

/** lies tells whether a card lies on the frame of a media time. */
export function lies(card: Pin, at: MediaTime): boolean {
  const time = at + toleranceMicroseconds;
  return card.from <= time && (card.until === undefined || time < card.until);
}

/** same tells whether the same cards lie on two frames: then nothing has to be drawn. */
export function same(cards: readonly Pin[], before: MediaTime, now: MediaTime): boolean {
  return cards.every((card) => lies(card, before) === lies(card, now));
}

/** PinCard is a product on a video, with its price and stock of now. */
export function PinCard({ card, onBuy }: { card: Pin; onBuy: () => void }) {
  const range = priceRange(card.variants);
  const left = card.variants.some((variant) => variant.available > 0);
  return (
    <li class="short-pin" data-pin={card.id} data-product={card.product.id} data-from={card.from}>
      <Picture picture={card.product.picture} size={56} />
      <div class="short-pin-text">
        <p class="user-text" dir="auto">
          {card.product.title}
        </p>
        {range && <Price {...range} />}
        <Stock variants={card.variants} />
      </div>
      <Button
        kind="accent"
        aria-label={left ? shop('buyLabel', { title: card.product.title }) : undefined}
        onClick={onBuy}
      >
        {left ? shop('buy') : shop('waitJoin')}
      </Button>
    </li>
  );
}
