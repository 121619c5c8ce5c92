import { api, ApiError } from '../api/client';
import type { Account } from '../api/types';
import { createStore } from '../app/store';

/** undefined: not known yet. null: nobody is signed in. */
export const account = createStore<Account | null | undefined>(undefined);

/** loadAccount asks who the session's cookie belongs to. Being nobody is no error. */
export async function loadAccount(): Promise<Account | null> {
  try {
    account.set(await api.get<Account>('/v1/me'));
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    account.set(null);
  }
  return account.get() ?? null;
}

export async function signIn(email: string, password: string): Promise<Account | null> {
  await api.post('/v1/sessions', { email, password });
  return loadAccount();
}

export async function signUp(email: string, password: string, name: string, locale: string): Promise<Account | null> {
  await api.post('/v1/accounts', { email, password, name, locale });
  return signIn(email, password);
}

export async function signOut(): Promise<void> {
  await api.delete('/v1/sessions/current');
  account.set(null);
}
