import { useEffect, useRef, useState } from 'preact/hooks';
import timer from 'lucide-static/icons/timer.svg?raw';
import type { Deal } from '../../api/types';
import { clock, money } from '../../i18n/format';
import type { Room } from '../../room/room';
import { whenSeen } from '../../room/seen';
import { t as shop } from '../../shop/messages';
import { before as priceBefore } from '../../shop/deals';
import { Picture } from '../../shop/Picture';
import { Price } from '../../shop/Price';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { t } from './messages';

interface Props {
  deals: readonly Deal[];
  room: Room;
  onBuy: (product: string) => void;
}

/** DealStack shows the deals that are counted down to or open, above what is pinned; of the past, those that were. */
export function DealStack({ deals, room, onBuy }: Props) {
  if (deals.length === 0) return null;
  return (
    <ul class="pins">
      {deals.map((deal) => (
        <DealCard key={deal.id} deal={deal} room={room} onBuy={onBuy} />
      ))}
    </ul>
  );
}

function DealCard({ deal, room, onBuy }: { deal: Deal; room: Room; onBuy: Props['onBuy'] }) {
  const card = useRef<HTMLLIElement>(null);
  useEffect(() => whenSeen(card.current!, () => room.impression(deal.product.id)), [deal.id]);
  const open = deal.state === 'open';
  const over = deal.state === 'ended';
  const seconds = useSeconds(room, open ? deal.ends : deal.opens);
  const offer = deal.variants[0];
  const before = priceBefore(deal, offer);
  const left = deal.left > 0 && deal.variants.some((one) => one.available > 0);
  const time = seconds === undefined ? '' : clock(seconds);
  return (
    <li class={open ? 'pin deal deal-open' : 'pin deal'} ref={card} data-deal={deal.id} data-state={deal.state}>
      <Picture picture={deal.product.picture} size={64} />
      <div class="pin-text">
        <p class="pin-title user-text" dir="auto">
          {deal.product.title}
        </p>
        <Price price={deal.price} compareAt={before} />
        {offer?.lowest_30d && (
          <span class="deal-prior muted small tabular">{shop('lowest30', { price: money(offer.lowest_30d) })}</span>
        )}
        {/* Read once when it appears: a clock that is told every second says nothing. */}
        <span class="deal-line tabular small">
          <Icon svg={timer} size={16} />
          {over && <span>{t('dealEnded')}</span>}
          {!over && <span aria-hidden="true">{open ? t('dealEndsIn', { time }) : t('dealOpensIn', { time })}</span>}
          {open && <span class="deal-left">{left ? t('dealLeft', { count: deal.left }) : t('dealGone')}</span>}
          {!open && !over && <span class="deal-left">{t('dealUnits', { count: deal.quantity })}</span>}
        </span>
        {deal.fair && !over && <span class="muted small">{t('dealFair')}</span>}
      </div>
      {!over && (
        <Button
          kind="accent"
          disabled={!open}
          aria-label={shop('buyLabel', { title: deal.product.title })}
          onClick={() => onBuy(deal.product.id)}
        >
          {shop('buy')}
        </Button>
      )}
    </li>
  );
}

/** useSeconds counts down to a frame, on the clock of the picture that is shown. */
function useSeconds(room: Room, to: number): number | undefined {
  const left = () => (room.mediaTime === undefined ? undefined : Math.max(0, Math.ceil((to - room.mediaTime) / 1e6)));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    setSeconds(left());
    const every = setInterval(() => setSeconds(left()), 200);
    return () => clearInterval(every);
  }, [to]);
  return seconds;
}
