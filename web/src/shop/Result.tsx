import check from 'lucide-static/icons/circle-check.svg?raw';
import alert from 'lucide-static/icons/circle-alert.svg?raw';
import clock from 'lucide-static/icons/clock.svg?raw';
import landmark from 'lucide-static/icons/landmark.svg?raw';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { explain } from '../api/errors';
import { t as common } from '../i18n/common';
import { money } from '../i18n/format';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { orderNumber, settled } from './checkout';
import { t } from './messages';
import type { Ending } from './purchase';

interface Props {
  ending: Ending;
  onClose: () => void;
  /** Back to the choice; true: with the ways to pay open. */
  onBack: (payment: boolean) => void;
  onRetry: () => void;
}

/** Result tells the buyer how it ended, or what it waits for, and what to do. */
export function Result({ ending, onClose, onBack, onRetry }: Props) {
  const bank = useRef<Window | null>(null);
  const state = ending.kind === 'order' ? ending.placed.state : undefined;
  useEffect(() => {
    if (state && settled(state)) bank.current?.close();
  }, [state]);

  switch (ending.kind) {
    case 'sold-out':
      return (
        <Told svg={alert} tone="warn" title={t('soldOutTitle')} text={t('soldOutText')}>
          <Button kind="accent" wide onClick={() => onBack(false)}>
            {t('chooseOther')}
          </Button>
          <Watch onClose={onClose} />
        </Told>
      );
    case 'refused':
      return (
        <Told svg={alert} tone="bad" title={t('refusedTitle')} text={refusal(ending.code, ending.text)}>
          <Button kind="accent" wide onClick={() => onBack(false)}>
            {common('back')}
          </Button>
        </Told>
      );
    case 'failed':
      return (
        <Told svg={alert} tone="bad" title={t('failedTitle')} text={`${explain(ending.error)} ${t('failedText')}`}>
          <Button kind="accent" wide onClick={onRetry}>
            {common('retry')}
          </Button>
        </Told>
      );
    case 'order':
      return <OrderResult {...{ ending, onClose, onBack, bank }} />;
  }
}

interface OrderProps {
  ending: Extract<Ending, { kind: 'order' }>;
  onClose: () => void;
  onBack: (payment: boolean) => void;
  bank: RefObject<Window | null>;
}

function OrderResult({ ending, onClose, onBack, bank }: OrderProps) {
  const { placed, total } = ending;
  const order = (
    <a class="button button-plain button-wide" href={`/orders/${placed.order}`}>
      {t('seeOrder')}
    </a>
  );
  switch (placed.state) {
    case 'paid':
    case 'refunded':
    case 'partially_refunded':
      return (
        <Told
          svg={check}
          tone="ok"
          title={t('paidTitle')}
          text={t('paidText', { number: orderNumber(placed.order) })}
          order={placed.order}
        >
          <Button kind="accent" wide onClick={onClose}>
            {t('keepWatching')}
          </Button>
          {order}
        </Told>
      );
    case 'declined':
      return (
        <Told svg={alert} tone="bad" title={t('declinedTitle')} text={t('declinedText')} order={placed.order}>
          <Button kind="accent" wide onClick={() => onBack(true)}>
            {t('tryAnother')}
          </Button>
          <Watch onClose={onClose} />
        </Told>
      );
    case 'requires_action':
      return (
        <Told
          svg={landmark}
          tone="warn"
          title={t('actionTitle')}
          text={t('actionText', { amount: money(total) })}
          order={placed.order}
        >
          <Button
            kind="accent"
            wide
            disabled={!placed.bank}
            onClick={() => placed.bank && (bank.current = openBank(placed.bank))}
          >
            {t('actionButton')}
          </Button>
        </Told>
      );
    case 'claimed':
      return (
        <Told svg={clock} tone="warn" title={t('claimedTitle')} text={t('claimedText')} order={placed.order}>
          <Watch onClose={onClose} />
          {order}
        </Told>
      );
    case 'not_drawn':
      return (
        <Told svg={alert} tone="warn" title={t('notDrawnTitle')} text={t('notDrawnText')} order={placed.order}>
          <Watch onClose={onClose} />
          {order}
        </Told>
      );
    case 'held':
      return (
        <Told svg={clock} tone="warn" title={t('heldTitle')} text={t('heldText')} order={placed.order}>
          <Watch onClose={onClose} />
          {order}
        </Told>
      );
    case 'expired':
    case 'cancelled':
      return (
        <Told svg={alert} tone="warn" title={t('expiredTitle')} text={t('expiredText')} order={placed.order}>
          <Button kind="accent" wide onClick={() => onBack(false)}>
            {common('retry')}
          </Button>
          {order}
        </Told>
      );
  }
}

interface ToldProps {
  svg: string;
  tone: 'ok' | 'warn' | 'bad';
  title: string;
  text: string;
  order?: string;
  children: preact.ComponentChildren;
}

function Told({ svg, tone, title, text, order, children }: ToldProps) {
  return (
    <div class={`result result-${tone}`} role="status" data-order={order}>
      <Icon svg={svg} size={44} />
      <h3>{title}</h3>
      <p class="muted">{text}</p>
      <div class="result-actions">{children}</div>
    </div>
  );
}

function Watch({ onClose }: { onClose: () => void }) {
  return (
    <Button wide onClick={onClose}>
      {t('keepWatching')}
    </Button>
  );
}

function refusal(code: string, text: string): string {
  if (code === 'limit-reached') return t('limitedText');
  if (code === 'deal-not-open') return t('dealEarlyText');
  if (code === 'deal-ended') return t('dealOverText');
  if (code === 'deal-sold-out') return t('dealGoneText');
  if (code === 'deal-claimed') return t('dealClaimedText');
  if (code === 'deal-alone') return t('dealAloneText');
  if (code.endsWith('-quote') || code === 'quote-expired') return t('quoteText');
  if (code === 'archived-variant') return t('goneText');
  return text;
}

/** openBank opens the bank's page beside the picture; where pop-ups are refused, in place of it. */
function openBank(url: string): Window | null {
  const popup = window.open(url, 'hawker-bank', 'popup,width=460,height=640');
  if (!popup) location.assign(url);
  return popup;
}
