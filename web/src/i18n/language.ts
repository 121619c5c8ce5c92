import { createStore } from '../app/value';

// Which language the pages speak, which way it runs, and how figures are written in it.

export const languages = { en: 'English', ar: 'العربية', de: 'Deutsch', fr: 'Français' } as const;
export type Language = keyof typeof languages;

const storageKey = 'hawker.language';

export const language = createStore<Language>('en');

/** locale is the tag given to Intl: the reader's own region where it speaks the chosen language. */
export function locale(): string {
  const chosen = language.get();
  const own = typeof navigator === 'undefined' ? [] : navigator.languages;
  return own.find((tag) => tag === chosen || tag.startsWith(`${chosen}-`)) ?? chosen;
}

/** pickLanguage takes the stored choice, else the first of the reader's languages that we speak. */
export function pickLanguage(stored: string | null, preferred: readonly string[]): Language {
  for (const tag of [stored, ...preferred]) {
    const base = tag?.toLowerCase().split('-')[0];
    if (base && base in languages) return base as Language;
  }
  return 'en';
}

export function detectLanguage(): Language {
  return pickLanguage(read(), navigator.languages);
}

export function rememberLanguage(chosen: Language): void {
  try {
    localStorage.setItem(storageKey, chosen);
  } catch {
    // Storage may be refused; the choice then lasts as long as the page.
  }
}

export function direction(of: Language): 'rtl' | 'ltr' {
  return of === 'ar' ? 'rtl' : 'ltr';
}

function read(): string | null {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}
