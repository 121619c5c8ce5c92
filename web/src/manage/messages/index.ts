import { catalogue } from '../../i18n/catalogue';
import { en } from './en';

/** What the studio and the seller's pages both say. */
export const manage = catalogue(en, {
  ar: () => import('./ar'),
  de: () => import('./de'),
  fr: () => import('./fr'),
});

export const t = manage.t;
