import { api, ApiError } from '../api/client';
import type { Account, Channel, Membership, Money, Page, Product, Role } from '../api/types';

/** pages reads a list to its end, at most `max` pages of it. */
export async function pages<T>(path: string, query: Record<string, string | number>, signal?: AbortSignal, max = 10) {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let n = 0; n < max; n++) {
    const page = await api.get<Page<T>>(path, { ...query, cursor }, signal);
    items.push(...(page.items ?? []));
    cursor = page.next;
    if (!cursor) break;
  }
  return items;
}

/** The products of a shop that are on sale, or all of them. */
export function loadProducts(shop: string, signal?: AbortSignal, archived = false): Promise<Product[]> {
  return pages<Product>(`/v1/shops/${shop}/products`, { limit: 200, ...(archived && { archived: 'true' }) }, signal);
}

/** Where somebody has one of the roles. A membership of a channel may name the channel's shop; it is none of the shop. */
export function shopsOf(who: Account | null | undefined, roles: Role[]): Membership[] {
  return (who?.memberships ?? []).filter((one) => one.shop && !one.channel && roles.includes(one.role));
}

/** runsShop tells who sees everything of a shop: its people, and the installation's. */
export function runsShop(who: Account | null | undefined, shop: string): boolean {
  return Boolean(who?.admin) || shopsOf(who, ['owner', 'seller', 'finance']).some((one) => one.shop === shop);
}

/** seesSales tells who sees what a broadcast sells: the shop's people, and who leads the channel. */
export function seesSales(who: Account | null | undefined, of: { shop: string; channel: string }): boolean {
  return runsShop(who, of.shop) || channelsOf(who, ['owner', 'creator']).some((one) => one.channel === of.channel);
}

/** isolated keeps a Latin text whole within a sentence of either direction. */
export function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}

export function channelsOf(who: Account | null | undefined, roles: Role[]): Membership[] {
  return (who?.memberships ?? []).filter((one) => one.channel && roles.includes(one.role));
}

/** The channels where somebody may work: their own, and those of the shops that they run. */
export async function loadChannels(who: Account, signal?: AbortSignal): Promise<Channel[]> {
  const ids = channelsOf(who, ['owner', 'creator', 'moderator']).map((one) => one.channel!);
  const shops = shopsOf(who, ['owner', 'seller']).map((one) => one.shop!);
  const own = ids.map((id) => orNone(api.get<Channel>(`/v1/channels/${id}`, undefined, signal)));
  const owned = shops.map((id) => orNone(api.get<Page<Channel>>(`/v1/shops/${id}/channels`, undefined, signal)));
  const found = [...(await Promise.all(own)), ...(await Promise.all(owned)).flatMap((page) => page?.items ?? [])];
  const channels = new Map<string, Channel>();
  for (const channel of found) if (channel && !channels.has(channel.id)) channels.set(channel.id, channel);
  return [...channels.values()];
}

export interface Dated<T> {
  body: T;
  /** The server's clock, to the second. */
  date: string | null;
  /** When its head was read, in our clock. */
  read: number;
}

/** getDated reads JSON together with the time at which the server sent it. */
export async function getDated<T>(path: string): Promise<Dated<T>> {
  const response = await fetch(path, { headers: { Accept: 'application/json' } }).catch(() => undefined);
  const read = Date.now();
  if (!response?.ok) throw new ApiError(response?.status ?? 0, undefined, undefined);
  return { body: (await response.json()) as T, date: response.headers.get('Date'), read };
}

/** orNone takes a "no" for an empty answer; that there was no answer stays an error. */
export async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && [403, 404, 405].includes(error.status)) return undefined;
    throw error;
  }
}

/** amountOf takes a figure of the sales, which may come as minor units or as money. */
export function amountOf(value: Money | number | undefined): number {
  if (value === undefined) return 0;
  return typeof value === 'number' ? value : value.amount;
}

export function stockOf(product: { variants: { available: number }[] }): number {
  return product.variants.reduce((sum, variant) => sum + Math.max(0, variant.available), 0);
}
