import { language, locale, type Language } from './language';

/** A message is a text with {placeholders}, or one text per plural category of the language, chosen by {count}. */
export type Plural = { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;
export type Message = string | Plural;
export type Messages = Record<string, Message>;

/** Translation demands every message of the English catalogue, and a plural where English has one. */
export type Translation<E extends Messages> = { [K in keyof E]: E[K] extends string ? string : Plural };

type Names<S> = S extends `${string}{${infer N}}${infer Rest}` ? N | Names<Rest> : never;
type Params<M> = M extends string ? Names<M> : M extends Plural ? Names<M['other']> | 'count' : never;
type Args<M> = [Params<M>] extends [never] ? [] : [{ [N in Params<M>]: string | number }];

export interface Catalogue<E extends Messages> {
  t: <K extends keyof E & string>(key: K, ...args: Args<E[K]>) => string;
  load: (language: Language) => Promise<void>;
}

const loaded: Catalogue<Messages>[] = [];

/**
 * catalogue makes the messages of one part of the pages. English is the source and the type; the others are loaded
 * when they are chosen. Numbers among the arguments are written as the language writes them.
 */
export function catalogue<const E extends Messages>(
  en: E,
  others: Record<Exclude<Language, 'en'>, () => Promise<{ default: Translation<E> }>>,
): Catalogue<E> {
  let current: Messages = en;
  const self: Catalogue<E> = {
    t: (key, ...args) => format(current[key] ?? en[key]!, args[0] ?? {}, locale()),
    async load(chosen) {
      current = chosen === 'en' ? en : (await others[chosen]()).default;
      if (!loaded.includes(self as unknown as Catalogue<Messages>)) loaded.push(self as unknown as Catalogue<Messages>);
    },
  };
  return self;
}

/** together loads several catalogues as one: a page's own and those of what it is made of. */
export function together(...catalogues: Pick<Catalogue<Messages>, 'load'>[]): Pick<Catalogue<Messages>, 'load'> {
  return { load: async (chosen) => void (await Promise.all(catalogues.map((one) => one.load(chosen)))) };
}

/** reload brings every catalogue in use into the language, then announces it. */
export async function reload(chosen: Language): Promise<void> {
  await Promise.all(loaded.map((one) => one.load(chosen)));
  language.set(chosen);
}

/** format fills a message. It is pure: the tests call it. */
export function format(message: Message, args: Record<string, string | number>, tag: string): string {
  let text: string;
  if (typeof message === 'string') text = message;
  else text = message[new Intl.PluralRules(tag).select(Number(args['count'] ?? 0))] ?? message.other;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = args[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? new Intl.NumberFormat(tag).format(value) : value;
  });
}
