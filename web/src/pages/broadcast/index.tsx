import { useEffect, useRef, useState } from 'preact/hooks';
import { navigate, type PathParams } from '../../app/router';
import { useStore } from '../../app/store';
import { account } from '../../auth/auth';
import { api } from '../../api/client';
import { Chat } from '../../chat/chat';
import { ChatInput } from '../../chat/ChatInput';
import { ChatLog } from '../../chat/ChatLog';
import { chat as chatMessages, t as chatText } from '../../chat/messages';
import { moderatorActions } from '../../chat/moderation';
import type { Answer, Line } from '../../chat/types';
import { together } from '../../i18n/catalogue';
import { t as common } from '../../i18n/common';
import { money } from '../../i18n/format';
import { Room } from '../../room/room';
import { BuySheet, type Offer } from '../../shop/BuySheet';
import { messages as shopMessages } from '../../shop/messages';
import { atDeal, dealOf, variantsOf } from '../../shop/deals';
import { priceRange } from '../../shop/money';
import { loadWallet, wallet } from '../../shop/wallet';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { Sheet } from '../../ui/Sheet';
import type { Deal, Pin, ProductCard } from '../../api/types';
import { own, t } from './messages';
import { Bag } from './Bag';
import { Closed } from './Closed';
import { Head } from './Head';
import { Others } from './Others';
import { DealStack } from './DealStack';
import { PinStack } from './PinStack';
import { Rail } from './Rail';
import { ReplayBar } from './ReplayBar';
import { Stage } from './Stage';
import { Stats } from './Stats';
import './broadcast.css';

export const messages = together(own, shopMessages, chatMessages);

/** What the buy sheet is open for; the offer itself is read from the room, so that stock and price stay alive in it. */
interface Buying {
  product: string;
  pin?: string;
}

export default function BroadcastPage({ params }: { params: PathParams }) {
  const [{ room, chat }] = useState(() => withChat(params['id']!));
  const view = useStore(room.view);
  const who = useStore(account);
  const said = useStore(chat.view);
  const [reply, setReply] = useState<Line>();
  const [bagOpen, setBagOpen] = useState(false);
  const [stats, setStats] = useState(false);
  const [buying, setBuying] = useState<Buying | undefined>(asked);
  const [set, setSet] = useState<Pin>();
  const [setOpen, setSetOpen] = useState(false);

  useEffect(() => {
    room.start();
    return () => room.stop();
  }, [room]);

  // Who is banned while they watch, is out at once.
  const out = said.me?.code === 'banned';
  useEffect(() => {
    if (out) room.ban();
  }, [out]);

  // What a known buyer has saved is there before the first tap.
  useEffect(() => {
    if (who && !wallet.get()) loadWallet().catch(() => undefined);
  }, [who?.id]);

  const title = view.broadcast?.title;
  useEffect(() => {
    if (title) document.title = `${title} · Hawker`;
    return () => void (document.title = 'Hawker');
  }, [title]);

  const leave = () =>
    history.length > 1 && document.referrer.startsWith(location.origin) ? history.back() : navigate('/');

  if (view.phase === 'refused') return <Closed id={room.id} />;
  if (view.phase === 'banned') {
    const home = (
      <a class="button button-accent" href="/">
        {common('seeLive')}
      </a>
    );
    return <Notice title={chatText('banned')} text={chatText('bannedText')} action={home} />;
  }
  if (view.phase === 'missing') {
    const home = (
      <a class="button button-accent" href="/">
        {common('seeLive')}
      </a>
    );
    return <Notice title={common('notFound')} text={common('notFoundText')} action={home} />;
  }
  if (view.phase === 'failed') {
    const again = <Button onClick={() => void room.reload()}>{common('retry')}</Button>;
    return <Notice title={common('broken')} text={common('brokenText')} action={again} />;
  }

  const bar = view.replay || view.rewound;
  const pins = view.overlay?.pins ?? [];
  const deals = view.overlay?.deals ?? [];
  const bag = (view.overlay?.bag ?? []).map((card) => ({
    ...card,
    variants: atDeal(card.variants, dealOf(deals, card.id)),
  }));
  const buy = (product: string, pin?: string) => {
    room.click(product, pin);
    setBagOpen(false);
    setSetOpen(false);
    setBuying({ product, pin });
  };
  const see = (pin: Pin) => {
    // A large set comes without its products: they are in the scene.
    if (!pin.set?.products) void room.reload();
    setSet(pin);
    setSetOpen(true);
  };
  // A set that goes while somebody looks at it stays as it was last seen.
  const seen = pins.find((pin) => pin.id === set?.id) ?? set;
  const inSet = (seen?.set?.products ?? []).map((card) => ({
    ...card,
    variants: atDeal(card.variants, dealOf(deals, card.id)),
  }));
  const bagList = <Bag bag={bag} pins={pins} loading={view.phase === 'loading'} onBuy={buy} />;

  const actions = said.me?.role && view.broadcast ? moderatorActions(room.id, view.broadcast.channel) : undefined;
  const input = (
    <ChatInput
      chat={chat}
      reply={reply}
      onReply={setReply}
      channel={view.broadcast?.channel_name ?? ''}
      ended={view.overlay?.state === 'ended'}
    />
  );

  return (
    <div class="room">
      <aside class="room-start" aria-label={t('others')}>
        <Others current={room.id} />
      </aside>
      <main class={`room-stage${bar ? ' room-stage-replay' : ''}${stats ? ' room-stage-stats' : ''}`}>
        <Stage room={room} view={view} />
        {stats && <Stats room={room} onClose={() => setStats(false)} />}
        <Head view={view} chat={chat} onLeave={leave} />
        <div class="room-lower">
          <div class="room-say">{input}</div>
          <DealStack deals={deals} room={room} onBuy={buy} />
          <PinStack
            pins={
              view.overlay?.state === 'ended' && !view.replay
                ? []
                : pins.filter((pin) => pin.set || !dealOf(deals, pin.product.id))
            }
            room={room}
            onBuy={buy}
            onSet={see}
          />
          <div class="room-mid">
            {!said.rules.off && <ChatLog chat={chat} kind="over" onReply={setReply} actions={actions} />}
            <Rail
              room={room}
              view={view}
              chat={chat}
              count={bag.length}
              onBag={() => setBagOpen(true)}
              stats={stats}
              onStats={setStats}
            />
          </div>
          {said.announcement && (
            <p class="announcement" role="status" dir="auto">
              {said.announcement}
            </p>
          )}
        </div>
        {bar && <ReplayBar key={String(view.rewound)} room={room} live={view.rewound === true} />}
        <Banner offline={view.feed === 'offline'} reconnecting={view.feed === 'connecting'} />
      </main>
      <aside class="room-end" aria-label={t('bagTitle')}>
        <section class="room-chat" aria-label={chatText('chat')}>
          <h2>{chatText('chat')}</h2>
          <ChatLog chat={chat} kind="panel" onReply={setReply} actions={actions} />
          {input}
        </section>
        <section class="room-bag">
          <h2>{t('bagTitle')}</h2>
          {bagList}
        </section>
      </aside>
      <Announcer pins={pins} />
      <DealAnnouncer deals={deals} />
      <Sheet title={t('bagTitle')} open={bagOpen} onClose={() => setBagOpen(false)}>
        {bagList}
      </Sheet>
      <Sheet title={seen?.set?.name ?? ''} open={setOpen} onClose={() => setSetOpen(false)}>
        <Bag
          bag={inSet}
          pins={[]}
          loading={!seen?.set?.products}
          onBuy={(product) => buy(product, seen?.id)}
          onSeen={(product) => room.impression(product, seen?.id)}
        />
      </Sheet>
      <BuySheet
        offer={buying && toOffer(buying, room, pins, bag, deals)}
        onClose={() => setBuying(undefined)}
        onPick={(variant) => buying && room.click(buying.product, buying.pin, variant)}
      />
    </div>
  );
}

/** withChat is the room and what is said beside it. */
function withChat(id: string): { room: Room; chat: Chat } {
  const room = new Room(id);
  const chat = new Chat({
    client: api,
    path: `/v1/broadcasts/${encodeURIComponent(id)}`,
    grant: () => room.grant,
    ask: (message) => room.ask(message),
    mediaTime: () => room.mediaTime,
  });
  room.beside = {
    load: () => chat.load(),
    event: (event) => chat.event(event),
    answer: (answer) => chat.answer(answer as Answer),
    frame: (at, past) => chat.frame(at, past),
    flush: () => chat.flush(),
  };
  return { room, chat };
}

/** asked is what another page sent the viewer here to buy. */
function asked(): Buying | undefined {
  const product = new URLSearchParams(location.search).get('buy');
  return product ? { product } : undefined;
}

/** Offers that were open when their pin went away stay as they were last seen. */
const lastSeen = new Map<string, Pick<Offer, 'product' | 'variants'>>();

function toOffer(
  buying: Buying,
  room: Room,
  pins: readonly Pin[],
  bag: readonly ProductCard[],
  deals: readonly Deal[],
): Offer | undefined {
  const pin = pins.find((one) => !one.set && one.product.id === buying.product);
  const card = bag.find((one) => one.id === buying.product);
  const deal = dealOf(deals, buying.product);
  const ofSet = pins.flatMap((one) => one.set?.products ?? []).find((one) => one.id === buying.product);
  const found = pin
    ? { product: pin.product, variants: atDeal(pin.variants, deal) }
    : ofSet
      ? { product: ofSet, variants: atDeal(ofSet.variants, deal) }
      : card
        ? { product: card, variants: card.variants }
        : deal && { product: deal.product, variants: atDeal(variantsOf(deal), deal) };
  if (found) lastSeen.set(buying.product, found);
  const seen = found ?? lastSeen.get(buying.product);
  return (
    seen && {
      ...seen,
      refresh: () => room.reload(),
      context: () => ({
        broadcast: room.id,
        view_session: room.session,
        pin: buying.pin,
        media_time: room.mediaTime,
      }),
    }
  );
}

function Banner({ offline, reconnecting }: { offline: boolean; reconnecting: boolean }) {
  // A connection that is back in a moment needs no words.
  const [long, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (!reconnecting) return;
    const timer = setTimeout(() => setLong(true), 2500);
    return () => clearTimeout(timer);
  }, [reconnecting]);
  const text = offline ? common('offline') : reconnecting && long ? t('reconnecting') : undefined;
  return (
    <div class="room-banner" role="status">
      {text && <p>{text}</p>}
    </div>
  );
}

/** Announcer says to those who listen what appears over the picture and what goes. */
function Announcer({ pins }: { pins: readonly Pin[] }) {
  const before = useRef<readonly Pin[]>([]);
  const [text, setText] = useState('');
  useEffect(() => {
    const added = pins.filter((pin) => !before.current.some((one) => one.id === pin.id)).at(-1);
    const gone = before.current.filter((pin) => !pins.some((one) => one.id === pin.id)).at(-1);
    before.current = pins;
    if (added) setText(announce(added));
    else if (gone) setText(t('unpinned', { title: gone.set?.name ?? gone.product.title }));
  }, [pins]);
  return (
    <p class="visually-hidden" aria-live="polite">
      {text}
    </p>
  );
}

/** DealAnnouncer says when a deal is announced, opens, is taken and ends; never the seconds between. */
function DealAnnouncer({ deals }: { deals: readonly Deal[] }) {
  const before = useRef<readonly Deal[]>([]);
  const [text, setText] = useState('');
  useEffect(() => {
    const was = before.current;
    before.current = deals;
    for (const deal of deals) {
      const old = was.find((one) => one.id === deal.id);
      const words = { title: deal.product.title, price: money(deal.price) };
      if (!old && deal.state === 'announced') setText(t('dealSoonSaid', words));
      else if (deal.state === 'open' && old?.state !== 'open') setText(t('dealOpenSaid', words));
      else if (old && old.left > 0 && deal.left <= 0) setText(t('dealGoneSaid', words));
    }
    const gone = was.find((one) => one.state !== 'ended' && !deals.some((deal) => deal.id === one.id));
    if (gone) setText(t('dealOverSaid', { title: gone.product.title }));
  }, [deals]);
  return (
    <p class="visually-hidden" aria-live="polite">
      {text}
    </p>
  );
}

function announce(pin: Pin): string {
  if (pin.set) return t('setPinned', { name: pin.set.name, count: pin.set.count });
  const range = priceRange(pin.variants);
  return t('pinned', { title: pin.product.title, price: range ? money(range.price) : '' });
}
