import { catalogue } from '../catalogue';
import { en } from './en';

/** The messages that every page may need. A page has its own beside it: pages/<page>/messages. */
export const common = catalogue(en, {
  ar: () => import('./ar'),
  de: () => import('./de'),
  fr: () => import('./fr'),
});

export const t = common.t;
