// Holds the shapes that the pages use (types.ts) to those of the server (schema.d.ts, made by `npm run gen` from
// docs/openapi.json): tsc fails here when the server no longer sends what a page reads, or no longer takes what it sends.

import type * as page from './types';
import type { components, paths } from './schema';

type S = components['schemas'];

/** Go writes lists as "array or null"; the server never sends null for one. */
type Solid<T> = T extends readonly (infer E)[]
  ? Solid<E>[]
  : T extends object
    ? { [K in keyof T]: Solid<Exclude<T[K], null>> }
    : T;

/** Where the server's description says no more than "a string", a page that knows which ones is content with it. */
type Loose<T> = T extends string
  ? string
  : T extends readonly (infer E)[]
    ? Loose<E>[]
    : T extends object
      ? { [K in keyof T]: Loose<T[K]> }
      : T;

/** What the server sends must do for the page. */
type Reads<Server, Page> = [Solid<Server>] extends [Page] ? true : { missing: Solid<Server>; for: Page };
/** What the page sends must do for the server. */
type Sends<Page, Server> = [Page] extends [Server] ? true : { sends: Page; wants: Server };

function fits<_T extends true>(): void {
  // Only the types are compared.
}

fits<Reads<S['Money'], page.Money>>();
fits<Reads<S['Problem'], page.Problem>>();
fits<Reads<S['MeBody'], page.Account>>();
fits<Reads<S['AddressOutBody'], page.Address>>();
fits<Reads<S['InstrumentBody'], page.Instrument>>();
fits<Reads<S['ShopBody'], page.Shop>>();
fits<Reads<S['ChannelBody'], page.Channel>>();
fits<Reads<S['BroadcastItem'], page.BroadcastItem>>();
fits<Reads<S['BroadcastBody'], page.Broadcast>>();
fits<Reads<S['WatchBody'], page.Watch>>();
fits<Reads<S['ProductBody'], page.Product>>();
fits<Reads<S['PinCard'], page.Pin>>();
fits<Reads<S['DealCard'], page.Deal>>();
fits<Reads<S['DealRecord'], page.DealRecord>>();
fits<Reads<S['ProductCard'], page.ProductCard>>();
fits<Reads<S['OrderBody'], page.Order>>();
fits<Reads<S['CheckoutBody'], page.CheckoutResult>>();
fits<Reads<S['Sales'], Loose<page.Sales>>>();
type Answer<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { 'application/json': infer B } } } };
}
  ? B
  : never;
fits<Reads<Answer<'/v1/broadcasts/{id}/scene'>, Loose<page.Scene>>>();
fits<Sends<page.CheckoutRequest, S['CheckoutWish']>>();
fits<Sends<Omit<page.Address, 'id'>, S['AddressBody']>>();
