import type { ComponentType } from 'preact';
import { createStore } from './store';
import type { Catalogue, Messages } from '../i18n/catalogue';

export type PathParams = Record<string, string>;

/** A page is loaded when it is first visited: its component, and the messages that must be there before it shows. */
export interface PageModule {
  default: ComponentType<{ params: PathParams }>;
  messages?: Pick<Catalogue<Messages>, 'load'>;
}

export interface Route {
  /** "/b/:id": one segment per name; "/studio/*" takes what follows into params.rest. */
  path: string;
  load: () => Promise<PageModule>;
  /** Where nobody chose: UI.md gives the seller's pages light. */
  theme?: 'light' | 'dark';
}

export interface Match {
  route: Route;
  params: PathParams;
}

export function match(routes: readonly Route[], pathname: string): Match | undefined {
  const segments = split(pathname);
  for (const route of routes) {
    const params = matchPath(split(route.path), segments);
    if (params) return { route, params };
  }
  return undefined;
}

function split(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function matchPath(pattern: string[], segments: string[]): PathParams | undefined {
  const params: PathParams = {};
  for (const [index, part] of pattern.entries()) {
    if (part === '*') return { ...params, rest: segments.slice(index).join('/') };
    const segment = segments[index];
    if (segment === undefined) return undefined;
    if (part.startsWith(':')) params[part.slice(1)] = decode(segment);
    else if (part !== segment) return undefined;
  }
  return pattern.length === segments.length ? params : undefined;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The address that the pages show: pathname and search. */
export const place = createStore(typeof location === 'undefined' ? '/' : location.pathname + location.search);

export function navigate(to: string, replace = false): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  place.set(location.pathname + location.search);
  scrollTo(0, 0);
}

/** startRouter follows the back button and plain clicks on our own links. */
export function startRouter(): void {
  addEventListener('popstate', () => place.set(location.pathname + location.search));
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null;
    if (!link || link.target || link.origin !== location.origin || link.hasAttribute('download')) return;
    if (!/^\/($|b\/|c\/|v\/|studio|seller|orders|sign-in)/.test(link.pathname)) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}
