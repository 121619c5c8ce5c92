import { reload } from '../i18n/catalogue';
import { direction, rememberLanguage, type Language } from '../i18n/language';

/** speak switches the pages to a language: texts, figures and the direction of everything. */
export async function speak(chosen: Language): Promise<void> {
  await reload(chosen);
  document.documentElement.lang = chosen;
  document.documentElement.dir = direction(chosen);
}

export async function chooseLanguage(chosen: Language): Promise<void> {
  rememberLanguage(chosen);
  await speak(chosen);
}
