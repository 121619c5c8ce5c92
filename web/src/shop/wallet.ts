import { api } from '../api/client';
import type { Address, Instrument, Page } from '../api/types';
import { account } from '../auth/auth';
import { createStore } from '../app/store';

// What a buyer has saved: ways to pay and places to deliver to. Only opaque names of the provider, never card data.

export interface Wallet {
  instruments: Instrument[];
  addresses: Address[];
}

/** undefined: not loaded, or nobody is signed in. */
export const wallet = createStore<Wallet | undefined>(undefined);

account.subscribe(() => {
  if (!account.get()) wallet.set(undefined);
});

/** loadWallet is called before the buy sheet opens where it can be, so that the sheet opens complete. */
export async function loadWallet(): Promise<Wallet> {
  const [instruments, addresses] = await Promise.all([
    api.get<Page<Instrument>>('/v1/me/instruments'),
    api.get<Page<Address>>('/v1/me/addresses'),
  ]);
  const loaded = { instruments: instruments.items ?? [], addresses: addresses.items ?? [] };
  wallet.set(loaded);
  return loaded;
}

/** The sandbox's instruments, each with the answer that it stands for. */
export const sandboxTokens = [
  'sandbox_approved',
  'sandbox_declined',
  'sandbox_requires_action',
  'sandbox_slow',
  'sandbox_late',
] as const;
export type SandboxToken = (typeof sandboxTokens)[number];

export async function addInstrument(token: SandboxToken): Promise<Instrument> {
  const added = await api.post<Instrument>('/v1/me/instruments', { provider: 'sandbox', token });
  const now = wallet.get();
  if (now) wallet.set({ ...now, instruments: [added, ...now.instruments] });
  return added;
}

export type AddressInput = Omit<Address, 'id'>;

export async function addAddress(input: AddressInput): Promise<Address> {
  // Empty optional lines are left out: the API takes no empty text for nothing.
  const filled = Object.fromEntries(Object.entries(input).filter(([, text]) => text !== '')) as unknown as AddressInput;
  const added = await api.post<Address>('/v1/me/addresses', filled);
  const complete = { ...filled, ...added };
  const now = wallet.get();
  if (now) wallet.set({ ...now, addresses: [complete, ...now.addresses] });
  return complete;
}

/** describe names a way to pay in one line. */
export function describe(instrument: Instrument): string {
  return instrument.last4 ? `${instrument.brand} ·· ${instrument.last4}` : instrument.brand || instrument.provider;
}

/** oneLine names an address in one line. */
export function oneLine({ name, line1, zip, city }: Address): string {
  return [name, line1, [zip, city].filter(Boolean).join(' ')].filter(Boolean).join(', ');
}
