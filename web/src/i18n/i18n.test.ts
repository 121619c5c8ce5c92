import { describe, expect, test } from 'vitest';
import { format, type Message } from './catalogue';
import { pickLanguage } from './language';

const english = import.meta.glob<{ en: Record<string, Message> }>('../**/en.ts', { eager: true });
const translated = import.meta.glob<{ default: Record<string, Message> }>('../**/{ar,de,fr}.ts', { eager: true });

const texts = (message: Message): string[] => (typeof message === 'string' ? [message] : Object.values(message));
const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe.each(Object.entries(translated))('%s', (path, { default: messages }) => {
  const tag = /(\w+)\.ts$/.exec(path)![1]!;
  const en = english[path.replace(/\w+\.ts$/, 'en.ts')]!.en;

  test('has every message and no other', () => {
    expect(Object.keys(messages).sort()).toEqual(Object.keys(en).sort());
  });
  test('uses the placeholders of the English text', () => {
    for (const [key, message] of Object.entries(messages)) {
      const known = names(texts(en[key]!).at(-1)!);
      for (const text of texts(message)) {
        // A plural may say "one" in a word, and then needs no number.
        const used = names(text);
        if (typeof message === 'string') expect(used, key).toEqual(known);
        else expect(known, key).toEqual(expect.arrayContaining(used));
      }
    }
  });
  test('has every plural that the language tells apart', () => {
    // Counters here are whole and seldom reach a million, where French has a form of its own.
    const rules = new Intl.PluralRules(tag);
    const categories = [...new Set(Array.from({ length: 300 }, (_, n) => rules.select(n)))];
    for (const [key, message] of Object.entries(messages)) {
      if (typeof message !== 'string') expect(Object.keys(message), key).toEqual(expect.arrayContaining(categories));
    }
  });
  test('is not left in English', () => {
    const words = (message: Message) => texts(message)[0]!.match(/(?<!\{)\b\p{L}{2,}\b(?!\})/gu)?.length ?? 0;
    const same = Object.keys(messages).filter(
      (key) => JSON.stringify(messages[key]) === JSON.stringify(en[key]) && words(en[key]!) > 2,
    );
    expect(same).toEqual([]);
  });
});

test('format fills placeholders and chooses the plural', () => {
  expect(format('Hello {name}', { name: 'Noor' }, 'en')).toBe('Hello Noor');
  expect(format({ one: '{count} viewer', other: '{count} viewers' }, { count: 1 }, 'en')).toBe('1 viewer');
  expect(format({ one: '{count} viewer', other: '{count} viewers' }, { count: 1200 }, 'en')).toBe('1,200 viewers');
  expect(format({ two: 'مشاهدان', other: '{count} مشاهد' }, { count: 2 }, 'ar')).toBe('مشاهدان');
});

test('pickLanguage takes the choice, then the first that we speak', () => {
  expect(pickLanguage('ar', ['de-DE'])).toBe('ar');
  expect(pickLanguage(null, ['pt-BR', 'fr-CA', 'en'])).toBe('fr');
  expect(pickLanguage('xx', ['pt'])).toBe('en');
});
