import { api } from '../../api/client';

// The stream key, as long as this tab knows it. The server shows it once and keeps only its hash.

const storageKey = (channel: string) => `hawker.key.${channel}`;

export function rememberedKey(channel: string): string | undefined {
  try {
    return sessionStorage.getItem(storageKey(channel)) ?? undefined;
  } catch {
    return undefined;
  }
}

export function rememberKey(channel: string, key: string | undefined): void {
  try {
    if (key) sessionStorage.setItem(storageKey(channel), key);
    else sessionStorage.removeItem(storageKey(channel));
  } catch {
    // then it is known as long as the page lives
  }
}

const phraseKey = (channel: string) => `hawker.phrase.${channel}`;

/** The passphrase that belongs to the key, for SRT; as long as this tab knows it. */
export function rememberedPhrase(channel: string): string | undefined {
  try {
    return sessionStorage.getItem(phraseKey(channel)) ?? undefined;
  } catch {
    return undefined;
  }
}

function rememberPhrase(channel: string, phrase: string | undefined): void {
  try {
    if (phrase) sessionStorage.setItem(phraseKey(channel), phrase);
    else sessionStorage.removeItem(phraseKey(channel));
  } catch {
    // then it is known as long as the page lives
  }
}

/** rotateKey makes a new key; the one before is refused from then on. */
export async function rotateKey(channel: string): Promise<string> {
  const made = await api.post<{ stream_key: string; srt_passphrase?: string }>(`/v1/channels/${channel}/stream-key`);
  rememberKey(channel, made.stream_key);
  rememberPhrase(channel, made.srt_passphrase);
  return made.stream_key;
}
