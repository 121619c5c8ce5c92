import clock from 'lucide-static/icons/clock.svg?raw';
import type { Queue } from '../api/types';
import { clock as time, number } from '../i18n/format';
import { Icon } from '../ui/Icon';
import { t } from './messages';

/** Waiting shows a buyer the place in the queue. It is kept while the sheet is closed, and by every other tab too. */
export function Waiting({ queue }: { queue: Queue }) {
  const turn = queue.state === 'turn';
  return (
    <div class="queue" data-queue={queue.state}>
      <Icon svg={clock} />
      <p class="queue-title" role="status">
        {turn ? t('queueTurn') : t('queueTitle')}
      </p>
      {!turn && (
        <dl>
          <div>
            <dt>{t('queuePosition')}</dt>
            <dd class="tabular">{number(queue.position)}</dd>
          </div>
          <div>
            <dt>{t('queueEstimate')}</dt>
            <dd class="tabular">{time(queue.estimate_seconds)}</dd>
          </div>
        </dl>
      )}
      <p class="muted">{turn ? t('queueTurnText') : t('queueText')}</p>
    </div>
  );
}
