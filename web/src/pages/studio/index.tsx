import { TopBar } from '../../app/TopBar';
import type { PathParams } from '../../app/router';
import { t } from '../../i18n/common';
import type { Language } from '../../i18n/language';
import { chat } from '../../chat/messages';
import { Gate } from '../../manage/Gate';
import { manage } from '../../manage/messages';
import { Audit } from './Audit';
import { ControlRoom } from './ControlRoom';
import { Home } from './Home';
import { Ways } from './Ways';
import { Recordings } from '../recordings';
import { recordings } from '../recordings/messages';
import { studio } from './messages';
import './studio.css';

export const messages = {
  load: async (language: Language) => {
    await Promise.all([studio.load(language), manage.load(language), chat.load(language), recordings.load(language)]);
  },
};

/**
 * The creator's pages: /studio, /studio/b/<broadcast> for the control room, /studio/w/<channel> for sources and targets,
 * /studio/audit/<channel> for what was done in its chat.
 */
export default function Studio({ params }: { params: PathParams }) {
  const [where, id] = (params['rest'] ?? '').split('/');
  const inside = where === 'b' && id;
  return (
    <div class={inside ? 'studio studio-room' : 'studio'}>
      <TopBar title={t('studio')} />
      <Gate>
        {(who) => {
          if (inside) return <ControlRoom key={id} id={id} />;
          if (where === 'audit' && id) return <Audit key={id} channel={id} />;
          if (where === 'recordings' && id) return <Recordings key={id} channel={id} />;
          return where === 'w' && id ? <Ways key={id} channel={id} /> : <Home who={who} />;
        }}
      </Gate>
    </div>
  );
}
