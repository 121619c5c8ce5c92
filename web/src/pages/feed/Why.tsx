import { number } from '../../i18n/format';
import { Sheet } from '../../ui/Sheet';
import { channelOf } from './Slide';
import type { FeedItem, Term } from './data';
import { t } from './messages';

/** Why says which terms put an item where it stands, the weightiest first. */
export function Why({ item, open, onClose }: { item: FeedItem | undefined; open: boolean; onClose: () => void }) {
  const terms = [...(item?.reasons ?? [])].sort((a, b) => Math.abs(b.points) - Math.abs(a.points));
  const most = Math.max(1, ...terms.map((one) => Math.abs(one.points)));
  return (
    <Sheet title={t('why')} open={open} onClose={onClose}>
      {item?.boost && (
        <p class="why-boost">{item.boost.kind === 'paid' ? t('whyPaid', { by: item.boost.by }) : t('whyEditorial')}</p>
      )}
      <ul class="why">
        {terms.map((term) => (
          <li key={term.reason} data-reason={term.reason} data-points={term.points}>
            <span class="user-text">{item && words(term, item)}</span>
            <span class="why-points tabular">{number(term.points, { signDisplay: 'always' })}</span>
            <span
              class={term.points < 0 ? 'why-bar why-bar-less' : 'why-bar'}
              style={{ inlineSize: `${(Math.abs(term.points) * 100) / most}%` }}
              aria-hidden="true"
            />
          </li>
        ))}
      </ul>
      <p class="why-sum">
        <strong>{t('sum')}</strong> <strong class="tabular">{item && number(item.score)}</strong>
      </p>
      <p class="muted small">{t('whyNote')}</p>
    </Sheet>
  );
}

function words(term: Term, item: FeedItem): string {
  switch (term.reason) {
    case 'live':
      return t('reasonLive');
    case 'audience':
      return t('reasonAudience');
    case 'fresh':
      return t('reasonFresh');
    case 'watched':
      return t('reasonWatched');
    case 'sold':
      return t('reasonSold');
    case 'follow':
      return t('reasonFollow', { channel: channelOf(item).name });
    case 'bought':
      return t('reasonBought');
    case 'language':
      return term.points < 0 ? t('reasonLanguageOther') : t('reasonLanguage');
    case 'untried':
      return t('reasonUntried');
    case 'variety':
      return t('reasonVariety');
  }
}
