import { catalogue } from '../../i18n/catalogue';
import { en } from './en';

export const chat = catalogue(en, {
  ar: () => import('./ar'),
  de: () => import('./de'),
  fr: () => import('./fr'),
});

export const t = chat.t;
