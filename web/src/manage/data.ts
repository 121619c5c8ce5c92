import { api, ApiError } from '../api/client';
import type { Account, Channel, Money, Page, Product } from '../api/types';
import { membershipsOf } from '../auth/auth';

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

/** The channels where somebody may work: their own, and those of the shops that they run. */
export async function loadChannels(who: Account, signal?: AbortSignal): Promise<Channel[]> {
  const ids = membershipsOf(who, 'channel', ['owner', 'creator', 'moderator']).map((one) => one.channel!);
  const shops = membershipsOf(who, 'shop', ['owner', 'seller']).map((one) => one.shop!);
  const own = ids.map((id) => orNone(api.get<Channel>(`/v1/channels/${id}`, undefined, signal)));
  const owned = shops.map((id) => orNone(api.get<Page<Channel>>(`/v1/shops/${id}/channels`, undefined, signal)));
  const found = [...(await Promise.all(own)), ...(await Promise.all(owned)).flatMap((page) => page?.items ?? [])];
  const channels = new Map<string, Channel>();
  for (const channel of found) if (channel && !channels.has(channel.id)) channels.set(channel.id, channel);
  return [...channels.values()];
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
