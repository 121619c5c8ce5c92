import { locale } from './language';
import type { Money } from '../api/types';

// Figures as the reader's language writes them. Nothing here is put together by hand.

const cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

/** money writes an amount of minor units: 2900 EUR is €29.00, 29,00 € or ‏٢٩٫٠٠ €. */
export function money(value: Money, tag = locale()): string {
  const formatter = numberFormat(tag, { style: 'currency', currency: value.currency });
  const digits = formatter.resolvedOptions().maximumFractionDigits ?? 2;
  return formatter.format(value.amount / 10 ** digits);
}

/** minorUnits reads what a person typed ("29.00", "29,00") into minor units; undefined where it is no amount. */
export function minorUnits(text: string, currency: string): number | undefined {
  const digits = numberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const match = /^\s*(\d{1,12})(?:[.,](\d+))?\s*$/.exec(text);
  if (!match || (match[2]?.length ?? 0) > digits) return undefined;
  return Number(match[1]) * 10 ** digits + Number((match[2] ?? '').padEnd(digits, '0') || 0);
}

export function number(value: number, options: Intl.NumberFormatOptions = {}, tag = locale()): string {
  return numberFormat(tag, options).format(value);
}

/** compact writes 1234 as 1.2K: for counters where the last digit means nothing. */
export function compact(value: number): string {
  return number(value, value < 1000 ? {} : { notation: 'compact', maximumFractionDigits: 1 });
}

export function percent(value: number): string {
  return number(value, { style: 'percent', maximumFractionDigits: 1 });
}

export function dateTime(
  value: string | number | Date,
  options: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' },
): string {
  const key = `d${locale()}${JSON.stringify(options)}`;
  let formatter = cache.get(key) as Intl.DateTimeFormat | undefined;
  if (!formatter) cache.set(key, (formatter = new Intl.DateTimeFormat(locale(), options)));
  return formatter.format(new Date(value));
}

/** clock writes seconds as 1:02 or 1:02:03, in the digits of the language. */
export function clock(seconds: number, tag = locale()): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = { minimumIntegerDigits: 2 };
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const part = (value: number, options = {}) => number(value, options, tag);
  const rest = part(whole % 60, two);
  return hours > 0 ? `${part(hours)}:${part(minutes, two)}:${rest}` : `${part(minutes)}:${rest}`;
}

function numberFormat(tag: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `n${tag}${JSON.stringify(options)}`;
  let formatter = cache.get(key) as Intl.NumberFormat | undefined;
  if (!formatter) cache.set(key, (formatter = new Intl.NumberFormat(tag, options)));
  return formatter;
}
