import bell from 'lucide-static/icons/bell.svg?raw';
import { ApiError } from '../api/client';
import { explain } from '../api/errors';
import { clock, number } from '../i18n/format';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { t } from './messages';
import { useOpening } from './opening';
import { active, type Waitlist } from './wait';

/** WaitRow lets a buyer wait for what is sold out, and tells them how far they are and what is kept for them. */
export function WaitRow({ list }: { list: Waitlist }) {
  const { wait, busy, problem } = list;
  const left = useOpening(wait?.state === 'offered' ? wait.until : undefined);
  return (
    <div class="wait" data-wait={wait?.state ?? 'none'}>
      <Icon svg={bell} />
      <p role="status" class="tabular">
        {wait?.state === 'offered'
          ? t('waitKept', { time: clock(left) })
          : wait?.state === 'waiting'
            ? t('waitPlace', { place: number(wait.position ?? 1) })
            : t(wait?.state === 'passed' ? 'waitPassed' : 'waitText')}
      </p>
      {active(wait) ? (
        <Button busy={busy} onClick={list.leave}>
          {t('waitLeave')}
        </Button>
      ) : (
        <Button busy={busy} onClick={list.join}>
          {t('waitJoin')}
        </Button>
      )}
      {!!problem && (
        <p class="buy-problem" role="alert">
          {problem instanceof ApiError && problem.code === 'waitlist-full' ? t('waitFull') : explain(problem)}
        </p>
      )}
    </div>
  );
}
