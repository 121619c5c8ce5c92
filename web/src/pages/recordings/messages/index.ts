import { catalogue } from '../../../i18n/catalogue';
import { en } from './en';

export const recordings = catalogue(en, {
  ar: () => import('./ar'),
  de: () => import('./de'),
  fr: () => import('./fr'),
});

export const t = recordings.t;
