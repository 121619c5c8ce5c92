import { useCallback, useState } from 'preact/hooks';
import { explain } from '../../api/errors';
import type { Pin, Product, ProductSet } from '../../api/types';
import { toast } from '../../ui/Toast';
import { t } from './messages';
import { placePin, placeSet, removePin, type RoomData } from './useRoom';
import { keyOf, withPin } from './room';

/** So many products and sets may lie over the picture at once. */
export const pinsMost = 3;

export interface Pins {
  /** What lies over the picture now, oldest first. */
  now: readonly Pin[];
  /** The ids of the sets among it. */
  sets: readonly string[];
  /** The product or set whose pin or unpin is on its way. */
  busy: string | undefined;
  /** A pin goes beside those that are there; else it takes their place. */
  several: boolean;
  setSeveral: (several: boolean) => void;
  /** There is no room for one more beside the others. */
  full: boolean;
  pin: (product: Product) => Promise<void>;
  unpin: (product: Product) => Promise<void>;
  pinSet: (set: ProductSet) => Promise<void>;
  unpinSet: (set: ProductSet) => Promise<void>;
  remove: (pin: Pin) => Promise<void>;
  /** What a screen reader is told. */
  said: string;
}

/**
 * usePins places and removes pins. One is on at a time, unless the creator wants several: then the new pin and the end
 * of the old bear one time.
 */
export function usePins(data: RoomData, shown: () => number | undefined): Pins {
  const [busy, setBusy] = useState<string>();
  const [said, setSaid] = useState('');
  const [several, setSeveral] = useState(false);
  const id = data.broadcast?.id;

  const run = useCallback(
    async (key: string, act: (broadcast: string, time: number | undefined) => Promise<string>) => {
      if (!id || busy) return;
      const time = shown(); // at the press: what the creator saw then is what the viewers will see
      setBusy(key);
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
  const now = data.room?.pins ?? [];

  const place = (key: string, title: string, put: (broadcast: string, time: number | undefined) => Promise<Pin>) =>
    run(key, async (broadcast, time) => {
      const others = several ? [] : now.filter((one) => keyOf(one) !== key);
      const away = async (until: number | undefined) => {
        await Promise.all(others.map((one) => removePin(broadcast, one, until)));
        data.change((room) => ({ ...room, pins: room.pins.filter((one) => !others.some((o) => o.id === one.id)) }));
      };
      const crowded = others.length >= pinsMost; // the new one has no room beside them
      if (crowded) await away(time);
      const placed = await put(broadcast, time);
      data.change((room) => withPin(room, placed));
      if (!crowded) await away(time ?? placed.from);
      return t('pinnedSaid', { title });
    });
  const takeAway = (key: string, title: string, pin: Pin | undefined) =>
    run(key, async (broadcast, time) => {
      if (pin) await removePin(broadcast, pin, time);
      data.change((room) => ({ ...room, pins: room.pins.filter((one) => keyOf(one) !== key) }));
      return t('unpinnedSaid', { title });
    });
  const on = (key: string) => now.find((one) => keyOf(one) === key);
  return {
    now,
    sets: now.flatMap((one) => one.set?.id ?? []),
    busy,
    several,
    setSeveral,
    full: several && now.length >= pinsMost,
    pin: (product) => place(product.id, product.title, (broadcast, time) => placePin(broadcast, product, time)),
    unpin: (product) => takeAway(product.id, product.title, on(product.id)),
    pinSet: (set) => place(set.id, set.name, (broadcast, time) => placeSet(broadcast, set.id, time)),
    unpinSet: (set) => takeAway(set.id, set.name, on(set.id)),
    remove: (pin) => takeAway(keyOf(pin), pin.set?.name ?? pin.product.title, pin),
    said,
  };
}
