import { catalogue } from '../../../i18n/catalogue';
import { en } from './en';

export const messages = catalogue(en, {
  ar: () => import('./ar'),
  de: () => import('./de'),
  fr: () => import('./fr'),
});

export const t = messages.t;
