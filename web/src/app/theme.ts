import { createStore } from './store';

export type Theme = 'dark' | 'light';
const storageKey = 'hawker.theme';

/** The reader's choice; undefined: each page's own default. */
export const chosenTheme = createStore<Theme | undefined>(read());

export function applyTheme(pageDefault: Theme): void {
  const theme = chosenTheme.get() ?? pageDefault;
  document.documentElement.dataset['theme'] = theme;
  document
    .querySelector('meta[name=theme-color]')
    ?.setAttribute('content', getComputedStyle(document.documentElement).getPropertyValue('--bg').trim());
}

export function chooseTheme(theme: Theme): void {
  try {
    localStorage.setItem(storageKey, theme);
  } catch {
    // The choice then lasts as long as the page.
  }
  chosenTheme.set(theme);
  applyTheme(theme);
}

function read(): Theme | undefined {
  try {
    const stored = localStorage.getItem(storageKey);
    return stored === 'dark' || stored === 'light' ? stored : undefined;
  } catch {
    return undefined;
  }
}
