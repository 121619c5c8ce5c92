import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../../api/client';
import { useStore } from '../../app/store';
import { account } from '../../auth/auth';
import { useEvery } from '../../api/load';
import type { Broadcast, Pin, Product, Sales, Scene } from '../../api/types';
import { Chat } from '../../chat/chat';
import type { Answer } from '../../chat/types';
import { Feed, spreadSceneReload, type FeedState } from '../../feed/feed';
import { getDated, loadProducts, orNone, seesSales } from '../../manage/data';
import { advance, aheadOf, boundsOf, fromScene, narrowed, unknownBounds, type Room } from './room';

export interface RoomData {
  broadcast: Broadcast | undefined;
  room: Room | undefined;
  products: Product[] | undefined;
  /** What the bag holds, in its order. */
  bag: string[];
  /** undefined where the account may not see what the broadcast sells. */
  sales: Sales | undefined;
  /** By how many milliseconds the server's clock is ahead of this one; undefined until something was on air. */
  ahead: number | undefined;
  feed: FeedState;
  chat: Chat;
  error: unknown;
  reload: () => void;
  change: (step: (room: Room) => Room) => void;
  setBag: (bag: string[]) => void;
  setBroadcast: (broadcast: Broadcast) => void;
}

/** useRoom holds everything that the control room shows of a broadcast, kept fresh by the feed. */
/** The studio's chat goes up the feed of its room. */
function chatOf(id: string, feed: { current: Feed | undefined }): Chat {
  return new Chat({
    client: api,
    path: `/v1/broadcasts/${id}`,
    grant: () => undefined,
    ask: (message) => feed.current?.ask(message) ?? false,
    mediaTime: () => undefined,
    atOnce: true,
  });
}

export function useRoom(id: string): RoomData {
  const who = useStore(account);
  const [broadcast, setBroadcast] = useState<Broadcast>();
  const [room, setRoom] = useState<Room>();
  const [products, setProducts] = useState<Product[]>();
  const [bag, setBag] = useState<string[]>([]);
  const [sales, setSales] = useState<Sales>();
  const [feedState, setFeedState] = useState<FeedState>('connecting');
  const [error, setError] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  const clock = useRef(unknownBounds);
  const up = useRef<Feed | undefined>(undefined);
  const [chat] = useState(() => chatOf(id, up));
  const change = useCallback((step: (room: Room) => Room) => setRoom((now) => now && step(now)), []);

  useEffect(() => {
    const abort = new AbortController();
    let reloadTimer: ReturnType<typeof setTimeout> | undefined;
    const loadScene = async () => {
      const scene = await api.get<Scene>(`/v1/broadcasts/${id}/scene`, undefined, abort.signal);
      setRoom(fromScene(scene));
      setBag((scene.bag ?? []).map((one) => one.id));
      feed.follow(scene.position);
      void chat.load();
    };
    const feed = new Feed({
      path: `/v1/broadcasts/${id}/feed`,
      onEvent: (event) => {
        if (event.at > 0) clock.current = narrowed(clock.current, event.at - Date.now());
        if (!chat.event(event)) change((now) => advance(now, event));
      },
      onAnswer: (answer) => chat.answer(answer as Answer),
      onGap: () => {
        clearTimeout(reloadTimer);
        reloadTimer = setTimeout(() => void loadScene().catch(() => feed.follow('')), spreadSceneReload());
      },
      onState: setFeedState,
    });
    up.current = feed;
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

  const clockKnown = aheadOf(clock.current) !== undefined || room?.state === 'ended';
  // Health and transports stand in the broadcast; its state comes by the feed too, and this heals a feed that is down.
  const readBroadcast = () => {
    if (!broadcast || broadcast.state === 'ended') return;
    const asked = Date.now();
    getDated<Broadcast>(`/v1/broadcasts/${id}`).then(
      ({ body: found, date, read }) => {
        const { low, high } = boundsOf(date, asked, read);
        clock.current = narrowed(clock.current, low, high);
        setBroadcast(found);
        change((now) => {
          const known = now.state === found.state && now.anchors.length >= found.anchors.length;
          return known ? now : { ...now, state: found.state, anchors: found.anchors };
        });
      },
      () => undefined, // the next turn asks again
    );
  };
  // Not a whole number of seconds: answers from everywhere in the second tell the server's clock.
  useEvery(clockKnown ? 2130 : 430, readBroadcast);
  useEffect(readBroadcast, [room?.state, room?.anchors.length]);

  const readSales = () => {
    if (!broadcast || !seesSales(who, broadcast)) return;
    orNone(api.get<Sales>(`/v1/broadcasts/${id}/sales`)).then(setSales, () => undefined);
  };
  // Money that was under way when the broadcast ended still comes in.
  useEvery(room?.state === 'ended' ? 5000 : 1000, readSales);
  useEffect(readSales, [broadcast?.id, room?.state]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  return {
    ...{ broadcast, room, products, bag, sales, ahead: aheadOf(clock.current), feed: feedState, chat, error },
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

/** placeSet pins a set of products together. */
export function placeSet(broadcast: string, set: string, mediaTime: number | undefined): Promise<Pin> {
  return api.put<Pin>(`/v1/broadcasts/${broadcast}/sets/${set}`, at(mediaTime));
}

export async function removePin(broadcast: string, pin: Pin, mediaTime: number | undefined): Promise<void> {
  const what = pin.set ? `sets/${pin.set.id}` : `pins/${pin.product.id}`;
  await orNone(api.delete<PinAnswer>(`/v1/broadcasts/${broadcast}/${what}`, at(mediaTime)));
}

function at(mediaTime: number | undefined): { media_time?: number } {
  return mediaTime === undefined ? {} : { media_time: Math.round(mediaTime) };
}
