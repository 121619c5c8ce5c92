// The shapes of the API as the pages use them, until they are generated from docs/openapi.json (schema.d.ts).

/** Minor units of an ISO 4217 currency. */
export interface Money {
  amount: number;
  currency: string;
}

/** RFC 3339 in UTC. */
export type Timestamp = string;
/** Media time in microseconds since the first frame of the broadcast. */
export type MediaTime = number;

export interface Page<T> {
  items: T[];
  next?: string;
}

export interface Problem {
  type?: string;
  title?: string;
  status: number;
  detail?: string;
  code?: string;
  errors?: { message: string; location?: string }[];
  queue?: Queue;
}

/** A place in the queue, where more want to buy than can. */
export interface Queue {
  place: string;
  state: 'waiting' | 'turn' | 'sold_out';
  position: number;
  estimate_seconds: number;
}

/** A buyer's wait for something sold out. */
export interface Wait {
  variant: string;
  state: 'none' | 'waiting' | 'offered' | 'taken' | 'passed' | 'left';
  /** Rises with everybody who joins; wait.called in the feed tells up to which number units were offered. */
  number?: number;
  position?: number;
  /** Until when the unit is kept. */
  until?: string;
}

export type Role = 'owner' | 'seller' | 'finance' | 'creator' | 'moderator';

export interface Membership {
  shop?: string;
  channel?: string;
  role: Role;
  name: string;
}

export interface Account {
  id: string;
  name: string;
  email: string;
  locale?: string;
  admin: boolean;
  memberships: Membership[];
}

export interface Address {
  id: string;
  name: string;
  line1: string;
  line2?: string;
  city: string;
  zip: string;
  country: string;
  phone?: string;
}

export interface Instrument {
  id: string;
  provider: string;
  brand: string;
  last4: string;
}

export interface Shop {
  id: string;
  name: string;
  currency: string;
  time_zone: string;
  locale: string;
}

export interface Channel {
  id: string;
  handle: string;
  name: string;
  shop: string;
  shop_name: string;
  live_broadcast?: string;
}

export type BroadcastState = 'draft' | 'scheduled' | 'rehearsal' | 'live' | 'interrupted' | 'ended';

/** Whom a broadcast is for. */
export type Access = 'public' | 'followers' | 'token';

/** A link to a broadcast that needs one; its token was shown once. */
export interface ViewingToken {
  id: string;
  name: string;
  created_at: Timestamp;
  expires_at: Timestamp;
  sessions_max: number;
  watching: number;
}

export interface BroadcastItem {
  id: string;
  title: string;
  channel: string;
  channel_name: string;
  shop: string;
  state: BroadcastState;
  access?: Access;
  viewers: number;
  started_at?: Timestamp;
}

export interface Anchor {
  generation: number;
  media_time: MediaTime;
  wall: Timestamp;
}

export interface Transport {
  kind: 'whep' | 'hls';
  url: string;
  /** Of HLS, on air: what can be wound back. */
  rewind?: string;
}

/** What the doctor knows of the encoder. Fields may be added. */
export interface Health {
  bitrate?: number;
  frame_rate?: number;
  key_interval?: number;
  drift_ms?: number;
  b_frames?: boolean;
  [field: string]: unknown;
}

export interface Broadcast extends BroadcastItem {
  ended_at?: Timestamp;
  starts_at?: Timestamp;
  currency: string;
  anchors: Anchor[];
  transports: Transport[];
  /** Leave to watch what is not for everybody, for the channel's people. */
  grant?: string;
  following?: boolean;
  health?: Health;
}

export interface Watch {
  view_session: string;
  visitor: string;
  transports: Transport[];
  /** Leave to watch what is not for everybody. */
  grant?: string;
}

export interface Variant {
  id: string;
  title: string;
  sku?: string;
  options?: Record<string, string>;
  price: Money;
  compare_at?: Money;
  available: number;
  /** Nobody can buy it before. */
  opens_at?: string;
}

export interface Product {
  id: string;
  title: string;
  description?: string;
  picture?: string;
  price: Money;
  compare_at?: Money;
  state: 'active' | 'archived' | 'draft';
  kind: 'goods' | 'service' | 'digital' | string;
  variants: Variant[];
}

export interface PinVariant {
  id: string;
  title: string;
  price: Money;
  compare_at?: Money;
  available: number;
  /** Up to which number of those who wait units were offered, as far as the feed told. */
  called?: number;
  /** Nobody can buy it before. */
  opens_at?: string;
  quote?: string;
}

export interface Pin {
  id: string;
  product: { id: string; title: string; picture?: string; kind: string };
  variants: PinVariant[];
  from: MediaTime;
  until?: MediaTime;
  /** The set that is pinned; product and variants are then those of its first. */
  set?: PinnedSet;
}

export interface PinnedSet {
  id: string;
  name: string;
  count: number;
  /** Left out of an event where they are large: they are in the scene. */
  products?: ProductCard[];
  /** Of the products, where they are left out. */
  ids?: string[];
}

/** A channel's saved list of products. */
export interface ProductSet {
  id: string;
  name: string;
  products: string[];
}

/** A product as the bag shows it. */
export interface ProductCard {
  id: string;
  title: string;
  picture?: string;
  kind?: string;
  price: Money;
  compare_at?: Money;
  variants: PinVariant[];
}

/** What can be bought at a deal's price; price is the one without it. */
export interface DealOffer {
  id: string;
  title: string;
  price: Money;
  /** The lowest price of the thirty days before the deal: what the reduction is measured by. */
  lowest_30d?: Money;
  available: number;
  quote?: string;
}

/** A deal as viewers see it: announced on the frames from `from`, open from `opens`, over from `ends`. */
export interface Deal {
  id: string;
  product: { id: string; title: string; picture?: string; kind: string };
  price: Money;
  variants: DealOffer[];
  quantity: number;
  left: number;
  /** Of left: a higher one is newer. */
  number: number;
  per_buyer?: number;
  state: 'announced' | 'open' | 'ended';
  from: MediaTime;
  opens: MediaTime;
  ends: MediaTime;
  fair?: boolean;
  window_ms?: number;
  version: number;
}

/** A deal as its creator sees it. */
export interface DealRecord {
  id: string;
  product: string;
  price: Money;
  quantity: number;
  left: number;
  state: 'prepared' | 'scheduled' | 'announced' | 'open' | 'ended' | 'cancelled';
  starts_at?: Timestamp;
  opens_at?: Timestamp;
  ends_at?: Timestamp;
}

/** A scene names no transports: who begins to watch is told. */
export type SceneBroadcast = Omit<Broadcast, 'transports' | 'health'>;

export interface Scene {
  position: string;
  state: BroadcastState;
  broadcast: SceneBroadcast;
  anchors: Anchor[];
  /** Media time of the live edge when the scene was rendered. */
  now: MediaTime;
  pins: Pin[];
  bag: ProductCard[];
  deals: Deal[];
  viewers: number;
  version: number;
}

export interface FeedEvent<D = unknown> {
  id: string;
  kind: string;
  v: number;
  /** 0: belongs to no frame. */
  media_time: MediaTime;
  /** Unix milliseconds. */
  at: number;
  data: D;
}

export interface FeedFrame {
  from: string;
  to: string;
  events: FeedEvent[];
}

export type OrderState =
  | 'claimed'
  | 'not_drawn'
  | 'held'
  | 'requires_action'
  | 'paid'
  | 'declined'
  | 'expired'
  | 'cancelled'
  | 'refunded'
  | 'partially_refunded';

export interface OrderLine {
  line: number;
  product: string;
  variant: string;
  title: string;
  variant_title?: string;
  picture?: string;
  quantity: number;
  unit_price: Money;
  total?: Money;
  refunded_quantity?: number;
}

export interface Order {
  id: string;
  shop: string;
  shop_name?: string;
  broadcast?: string;
  state: OrderState;
  total: Money;
  paid?: Money;
  refunded?: Money;
  currency: string;
  placed_at: Timestamp;
  lines: OrderLine[];
  next?: { kind: 'redirect'; url: string };
  decline_reason?: string;
}

export interface CheckoutLine {
  variant: string;
  quantity: number;
  quote?: string;
}

export interface CheckoutRequest {
  lines: CheckoutLine[];
  broadcast?: string;
  /** The short video or clip that it is bought from. */
  video?: string;
  view_session?: string;
  pin?: string;
  media_time?: MediaTime;
  instrument: string;
  ship_to?: string;
  return_url?: string;
  place?: string;
}

export interface CheckoutResult extends Omit<Order, 'id'> {
  order_id: string;
  orders?: { order_id: string; state: OrderState }[];
}

export interface SalesMinute {
  minute: Timestamp;
  media_time: MediaTime;
  gmv: Money | number;
  orders: number;
  units: number;
  viewers: number;
  pins: string[];
}

export interface Sales {
  as_of: Timestamp;
  currency: string;
  gmv: Money | number;
  net: Money | number;
  refunds: Money | number;
  orders: number;
  units: number;
  buyers: number;
  aov: Money | number;
  viewers_now: number;
  viewers_peak: number;
  views: number;
  unique_viewers: number;
  impressions: number;
  clicks: number;
  minutes: SalesMinute[];
  products: {
    product: string;
    variant?: string;
    title: string;
    impressions: number;
    clicks: number;
    orders: number;
    units: number;
    gmv: Money | number;
    available: number;
  }[];
  pins: { id: string; product: string; set?: string; from: MediaTime; until?: MediaTime; gmv: Money | number }[];
  latest: { order_id: string; at: Timestamp; state: OrderState; total: Money | number; lines: unknown[] }[];
}
