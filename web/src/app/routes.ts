import type { Route } from './router';

/** Every page, each in a chunk of its own. */
export const routes: readonly Route[] = [
  { path: '/', load: () => import('../pages/feed') },
  { path: '/b/:id', load: () => import('../pages/broadcast') },
  { path: '/c/:channel', load: () => import('../pages/channel') },
  { path: '/c/:channel/live', load: () => import('../pages/channel/live') },
  { path: '/orders', load: () => import('../pages/orders') },
  { path: '/orders/:id', load: () => import('../pages/orders') },
  { path: '/sign-in', load: () => import('../pages/account') },
  { path: '/v/:id', load: () => import('../pages/video') },
  { path: '/studio/videos', load: () => import('../pages/videos') },
  { path: '/studio/videos/:id', load: () => import('../pages/videos') },
  { path: '/studio/*', load: () => import('../pages/studio') },
  { path: '/seller/*', load: () => import('../pages/seller'), theme: 'light' },
];
