import { useCallback, useState } from 'preact/hooks';
import { explain } from '../../api/errors';
import type { Product } from '../../api/types';
import { toast } from '../../ui/Toast';
import { t } from './messages';
import { placePin, removePin, type RoomData } from './useRoom';
import { withPin } from './room';

export interface Pins {
  /** The product whose pin or unpin is on its way. */
  busy: string | undefined;
  pin: (product: Product) => Promise<void>;
  unpin: (product: Product) => Promise<void>;
  /** What a screen reader is told. */
  said: string;
}

/** usePins places and removes pins. One product is on at a time: the new pin and the end of the old bear one time. */
export function usePins(data: RoomData, shown: () => number | undefined): Pins {
  const [busy, setBusy] = useState<string>();
  const [said, setSaid] = useState('');
  const id = data.broadcast?.id;

  const run = useCallback(
    async (product: Product, act: (broadcast: string, time: number | undefined) => Promise<string>) => {
      if (!id || busy) return;
      const time = shown(); // at the press: what the creator saw then is what the viewers will see
      setBusy(product.id);
      try {
        setSaid(await act(id, time));
      } catch (error) {
        toast(`${t('pinFailed')} ${explain(error)}`, 'bad');
      } finally {
        setBusy(undefined);
      }
    },
    [id, busy],
  );
  const before = data.room?.pins ?? [];
  const pin = (product: Product) =>
    run(product, async (broadcast, time) => {
      const placed = await placePin(broadcast, product, time);
      data.change((room) => withPin(room, placed));
      const others = before.filter((one) => one.product.id !== product.id);
      await Promise.all(others.map((one) => removePin(broadcast, one.product.id, time ?? placed.from)));
      data.change((room) => ({ ...room, pins: room.pins.filter((one) => !others.some((o) => o.id === one.id)) }));
      return t('pinnedSaid', { title: product.title });
    });
  const unpin = (product: Product) =>
    run(product, async (broadcast, time) => {
      await removePin(broadcast, product.id, time);
      data.change((room) => ({ ...room, pins: room.pins.filter((one) => one.product.id !== product.id) }));
      return t('unpinnedSaid', { title: product.title });
    });
  return { busy, pin, unpin, said };
}
