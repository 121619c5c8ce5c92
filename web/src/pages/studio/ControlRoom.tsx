import { useEffect, useRef, useState } from 'preact/hooks';
import backIcon from 'lucide-static/icons/arrow-left.svg?raw';
import externalIcon from 'lucide-static/icons/external-link.svg?raw';
import pinIcon from 'lucide-static/icons/pin.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import type { Broadcast, Product, Sales } from '../../api/types';
import { useStore } from '../../app/store';
import { account } from '../../auth/auth';
import { clock } from '../../i18n/format';
import { t as common } from '../../i18n/common';
import { Badge } from '../../manage/Badge';
import { runsShop, seesSales } from '../../manage/data';
import { Failed } from '../../manage/Gate';
import { Hold } from '../../manage/Hold';
import { t as manage } from '../../manage/messages';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Card';
import { Icon } from '../../ui/Icon';
import { toast } from '../../ui/Toast';
import { camera, stopSending, turnOff } from './camera';
import { Deals } from './Deals';
import { EditRun } from './EditRun';
import { t } from './messages';
import { t as chatText } from '../../chat/messages';
import { Audience } from './Audience';
import { ChatPanel } from './ChatPanel';
import { LadderSwitch } from './LadderSwitch';
import { Standby } from './Standby';
import { Panels } from './Panels';
import { Preview } from './Preview';
import { armedOf, isOn, onOf, runOf, stockNow } from './room';
import { Picture, Rundown } from './Rundown';
import { Source } from './Source';
import { Sets } from './Sets';
import { SalesFigures, Strip } from './Strip';
import { useArming } from './useArming';
import { useLate } from './useLate';
import { usePins, type Pins } from './usePins';
import { useRoom, type RoomData } from './useRoom';
import './control-room.css';

/** ControlRoom is where one broadcast is led: picture in the middle, what is shown at its side, figures below. */
export function ControlRoom({ id }: { id: string }) {
  const data = useRoom(id);
  const shown = useRef<number | undefined>(undefined);
  const [latency, setLatency] = useState<number>();
  const [chosen, setChosen] = useState<string>();
  const [editing, setEditing] = useState(false);
  const pins = usePins(data, () => shown.current);

  const { room, broadcast, products, bag } = data;
  const run = products && runOf(products, bag);
  const pinned = onOf(room?.pins ?? []);
  const stock = room?.stock ?? {};
  const armed = armedOf(run ?? [], pinned, chosen, stock);
  const onAir = isOn(room);
  const rehearsed = useRef(false);
  rehearsed.current ||= broadcast?.state === 'rehearsal';
  const armedProduct = run?.find((product) => product.id === armed);

  const pinArmed = () => {
    if (!armedProduct || !onAir || pins.full) return;
    setChosen(undefined); // what comes after it is next by itself
    void pins.pin(armedProduct);
  };
  useArming({ run: run ?? [], armed, onArm: setChosen, onPin: pinArmed });

  // Whoever ended it, and wherever: the camera has nothing left to send to.
  const over = room?.state === 'ended' && broadcast?.channel;
  useEffect(() => {
    if (!over || camera.get().channel !== over) return;
    void stopSending();
    turnOff();
  }, [over]);

  if (data.error && !room) return <Failed error={data.error} onRetry={data.reload} />;
  if (room?.state === 'ended' && rehearsed.current) return <Rehearsed />;
  if (room?.state === 'ended' && broadcast) return <Over broadcast={broadcast} sales={data.sales} />;
  return (
    <main class="control">
      <Head data={data} />
      <Panels
        label={common('studio')}
        panels={[
          {
            name: t('products'),
            body: (
              <>
                <Rundown
                  run={run}
                  stock={stock}
                  pinned={pinned}
                  armed={armed}
                  onAir={onAir}
                  pins={pins}
                  shop={broadcast?.shop}
                  onArm={setChosen}
                  onEdit={() => setEditing(true)}
                />
                {broadcast && products && (
                  <Sets broadcast={broadcast} products={products} pins={pins} onAir={onAir} onBag={data.setBag} />
                )}
                {broadcast && (
                  <Deals broadcast={broadcast.id} run={run ?? []} onAir={onAir} shown={() => shown.current} />
                )}
              </>
            ),
          },
          {
            name: t('preview'),
            body: (
              <div class="stage">
                <Preview data={data} shown={shown} onLatency={setLatency} />
                <Strip data={data} latency={latency} />
                <p class="small muted stage-hint">{t('spaceHint')}</p>
              </div>
            ),
          },
          {
            name: `${chatText('chat')} · ${t('sourceShort')}`,
            body: (
              <section aria-label={t('source')}>
                {broadcast && <ChatPanel chat={data.chat} broadcast={broadcast} />}
                <h2 class="panel-title">{t('source')}</h2>
                {broadcast && <Source channel={broadcast.channel} rehearsal={broadcast.state === 'rehearsal'} />}
                {broadcast && <Standby channel={broadcast.channel} />}
                {broadcast && <LadderSwitch broadcast={broadcast.id} />}
                {broadcast && broadcast.state !== 'rehearsal' && (
                  <Audience broadcast={broadcast} onChange={data.setBroadcast} />
                )}
              </section>
            ),
          },
        ]}
        start={1}
      />
      <ThumbBar product={armedProduct} pins={pins} stock={stock} onAir={onAir} onPin={pinArmed} />
      {broadcast && products && (
        <EditRun
          open={editing}
          broadcast={broadcast.id}
          products={products}
          run={run ?? []}
          onClose={() => setEditing(false)}
          onSaved={data.setBag}
        />
      )}
    </main>
  );
}

function Head({ data }: { data: RoomData }) {
  const { broadcast, room } = data;
  const [busy, setBusy] = useState(false);
  const lost = useLate(data.feed !== 'open', 3000);
  const state = room?.state ?? broadcast?.state;
  const onAir = isOn(room);
  const rehearsal = state === 'rehearsal';
  const end = async () => {
    setBusy(true);
    try {
      if (camera.get().channel === broadcast!.channel) await stopSending();
      turnOff();
      await api.post(`/v1/broadcasts/${broadcast!.id}/end`);
      data.change((now) => ({ ...now, state: 'ended' }));
      data.setBroadcast({ ...broadcast!, state: 'ended', ended_at: new Date().toISOString() });
    } catch (error) {
      toast(explain(error), 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <header class="control-head">
      <a class="icon-button" href="/studio" aria-label={common('back')}>
        <Icon svg={backIcon} mirror />
      </a>
      <h1 class="control-title" dir="auto">
        {broadcast?.title ?? ''}
      </h1>
      {state && <Badge state={state} />}
      {onAir && broadcast?.started_at && <Elapsed since={broadcast.started_at} />}
      <span class="control-end">
        {onAir && broadcast && (
          <a class="icon-button" href={`/b/${broadcast.id}`} target="_blank" rel="noopener" aria-label={t('viewPage')}>
            <Icon svg={externalIcon} />
          </a>
        )}
        {broadcast && state !== 'ended' && (
          <Hold kind="bad" busy={busy} onHold={() => void end()}>
            <span class="only-desk">{onAir ? t(rehearsal ? 'endRehearsal' : 'end') : t('discard')}</span>
            <span class="only-phone">{onAir ? t('endShort') : t('discardShort')}</span>
          </Hold>
        )}
      </span>
      {broadcast && (lost || data.feed === 'offline') && (
        <p class="control-offline" role="status">
          {t('offlineFeed')}
        </p>
      )}
    </header>
  );
}

function Elapsed({ since }: { since: string }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const time = clock((now - Date.parse(since)) / 1000);
  return (
    <span class="tabular small control-clock" aria-label={t('onAirFor', { time })}>
      {time}
    </span>
  );
}

interface ThumbBarProps {
  product: Product | undefined;
  stock: Record<string, number>;
  onAir: boolean;
  pins: Pins;
  onPin: () => void;
}

/** ThumbBar keeps what is next, and its button, under the thumb on a phone, whichever panel is open. */
function ThumbBar({ product, stock, onAir, pins, onPin }: ThumbBarProps) {
  const on = pins.now.at(-1);
  return (
    <div class="thumb">
      {on && (
        <button type="button" class="thumb-on" disabled={!onAir} onClick={() => void pins.remove(on)}>
          <Picture product={on.product} size={44} />
          <span>{t('unpin')}</span>
        </button>
      )}
      <Button
        kind="accent"
        class="thumb-pin"
        svg={pinIcon}
        disabled={!product || !onAir || pins.full}
        busy={pins.busy !== undefined}
        onClick={onPin}
      >
        {product && <span class="visually-hidden">{t('pin')} </span>}
        <span class="thumb-text" dir="auto">
          {product ? product.title : t('nothingArmed')}
        </span>
        {product && <span class="small">{manage('left', { count: stockNow(product, stock) })}</span>}
      </Button>
    </div>
  );
}

/** Rehearsed is what follows a rehearsal: the show. */
function Rehearsed() {
  const action = (
    <div class="over-actions">
      <a class="button button-accent" href="/studio?new">
        {t('newBroadcast')}
      </a>
      <a class="button button-plain" href="/studio">
        {common('studio')}
      </a>
    </div>
  );
  return (
    <main>
      <Notice title={t('rehearsalOver')} text={t('rehearsalOverText')} action={action} />
    </main>
  );
}

function Over({ broadcast, sales }: { broadcast: Broadcast; sales: Sales | undefined }) {
  const who = useStore(account);
  const all = runsShop(who, broadcast.shop); // else the figures stand here: single orders are the shop's
  const action = (
    <>
      {!all && sales && (
        <dl class="strip over-figures">
          <SalesFigures sales={sales} />
        </dl>
      )}
      <div class="over-actions">
        {all && (
          <a class="button button-accent" href={`/seller/${broadcast.shop}/sales/${broadcast.id}`}>
            {t('seeSales')}
          </a>
        )}
        <a class={all ? 'button button-plain' : 'button button-accent'} href="/studio">
          {common('studio')}
        </a>
      </div>
    </>
  );
  const text = all ? t('endedText') : seesSales(who, broadcast) ? t('endedFigures') : '';
  return (
    <main>
      <Notice title={t('ended')} text={text} action={action} />
    </main>
  );
}
