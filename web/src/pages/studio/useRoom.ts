import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../../api/client';
import { useEvery } from '../../api/load';
import type { Broadcast, Pin, Product, Sales, Scene } from '../../api/types';
import { Feed, spreadSceneReload, type FeedState } from '../../feed/feed';
import { loadProducts, orNone } from '../../manage/data';
import { advance, fromScene, serverAhead, type Room } from './room';

export interface RoomData {
  broadcast: Broadcast | undefined;
  room: Room | undefined;
  products: Product[] | undefined;
  /** What the bag holds, in its order. */
  bag: string[];
  /** undefined where the account may not see the shop's sales. */
  sales: Sales | undefined;
  /** By how many milliseconds the server's clock is ahead of this one; undefined until something was on air. */
  ahead: number | undefined;
  feed: FeedState;
  error: unknown;
  reload: () => void;
  change: (step: (room: Room) => Room) => void;
  setBag: (bag: string[]) => void;
  setBroadcast: (broadcast: Broadcast) => void;
}

/** useRoom holds everything that the control room shows of a broadcast, kept fresh by the feed. */
export function useRoom(id: string): RoomData {
  const [broadcast, setBroadcast] = useState<Broadcast>();
  const [room, setRoom] = useState<Room>();
  const [products, setProducts] = useState<Product[]>();
  const [bag, setBag] = useState<string[]>([]);
  const [sales, setSales] = useState<Sales>();
  const [ahead, setAhead] = useState<number>();
  const [feedState, setFeedState] = useState<FeedState>('connecting');
  const [error, setError] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  const maySeeSales = useRef(true);
  const change = useCallback((step: (room: Room) => Room) => setRoom((now) => now && step(now)), []);

  useEffect(() => {
    const abort = new AbortController();
    let reloadTimer: ReturnType<typeof setTimeout> | undefined;
    const loadScene = async () => {
      const asked = Date.now();
      const scene = await api.get<Scene>(`/v1/broadcasts/${id}/scene`, undefined, abort.signal);
      const offset = serverAhead(scene, asked, Date.now());
      if (offset !== undefined) setAhead(offset);
      setRoom(fromScene(scene));
      setBag((scene.bag ?? []).map((one) => one.id));
      feed.follow(scene.position);
    };
    const feed = new Feed({
      path: `/v1/broadcasts/${id}/feed`,
      onEvent: (event) => change((now) => advance(now, event)),
      onGap: () => {
        clearTimeout(reloadTimer);
        reloadTimer = setTimeout(() => void loadScene().catch(() => feed.follow('')), spreadSceneReload());
      },
      onState: setFeedState,
    });
    const start = async () => {
      const found = await api.get<Broadcast>(`/v1/broadcasts/${id}`, undefined, abort.signal);
      setBroadcast(found);
      await Promise.all([loadScene(), loadProducts(found.shop, abort.signal).then(setProducts)]);
      setError(undefined);
    };
    start().catch((cause: unknown) => !abort.signal.aborted && setError(cause));
    return () => {
      abort.abort();
      clearTimeout(reloadTimer);
      feed.close();
    };
  }, [id, turn]);

  // Health and transports stand in the broadcast; its state comes by the feed too, and this heals a feed that is down.
  const readBroadcast = () => {
    if (!broadcast || broadcast.state === 'ended') return;
    api.get<Broadcast>(`/v1/broadcasts/${id}`).then(
      (found) => {
        setBroadcast(found);
        change((now) => (now.state === found.state ? now : { ...now, state: found.state, anchors: found.anchors }));
      },
      () => undefined, // the next turn asks again
    );
  };
  useEvery(2000, readBroadcast);
  useEffect(readBroadcast, [room?.state]);

  const readSales = () => {
    if (!maySeeSales.current || broadcast === undefined) return;
    orNone(api.get<Sales>(`/v1/broadcasts/${id}/sales`)).then(
      (found) => {
        maySeeSales.current = found !== undefined;
        setSales(found);
      },
      () => undefined,
    );
  };
  useEvery(1000, () => room?.state !== 'ended' && readSales());
  useEffect(readSales, [broadcast?.id, room?.state]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  return {
    ...{ broadcast, room, products, bag, sales, ahead, feed: feedState, error },
    ...{ reload, change, setBag, setBroadcast },
  };
}

interface PinAnswer extends Omit<Pin, 'product'> {
  product: string | Pin['product'];
}

/** placePin pins a product to the frame that the creator is looking at; without a picture, to the live edge. */
export async function placePin(broadcast: string, product: Product, mediaTime: number | undefined): Promise<Pin> {
  const answer = await api.put<PinAnswer>(`/v1/broadcasts/${broadcast}/pins/${product.id}`, at(mediaTime));
  const { id, title, picture, kind } = product;
  return { ...answer, product: { id, title, picture, kind } };
}

export async function removePin(broadcast: string, product: string, mediaTime: number | undefined): Promise<void> {
  await orNone(api.delete<PinAnswer>(`/v1/broadcasts/${broadcast}/pins/${product}`, at(mediaTime)));
}

function at(mediaTime: number | undefined): { media_time?: number } {
  return mediaTime === undefined ? {} : { media_time: Math.round(mediaTime) };
}
