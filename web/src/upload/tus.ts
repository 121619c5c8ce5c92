import { ApiError } from '../api/client';
import type { Problem } from '../api/types';
import { backoff } from '../feed/position';

// Sends one file in pieces and goes on where it stopped: tus 1.0, as far as our server speaks it.

/** Answer is what one request brought. */
export interface Answer {
  status: number;
  header: (name: string) => string | null;
  body: string;
}

/** Send does one request; onSent tells how much of the body has left. status 0: there was no answer. */
export type Send = (
  method: string,
  url: string,
  headers: Record<string, string>,
  body?: Blob,
  onSent?: (bytes: number) => void,
  signal?: AbortSignal,
) => Promise<Answer>;

export interface UploadOptions {
  metadata: Record<string, string>;
  onProgress?: (sent: number, size: number) => void;
  /** waiting: the connection is gone, and it is tried again by itself. */
  onWaiting?: (waiting: boolean) => void;
  signal?: AbortSignal;
  send?: Send;
  wait?: (milliseconds: number) => Promise<void>;
  remembered?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  chunkBytes?: number;
}

const below = '/v1/uploads/';
const chunkBytes = 8 << 20;
const quietMax = 8;

/** upload sends a file and returns the id of its video. A file that was begun before goes on where it stopped. */
export async function upload(file: File, options: UploadOptions): Promise<string> {
  const { signal, remembered = localStorage, send = sendXhr, wait = sleep, chunkBytes: chunk = chunkBytes } = options;
  const name = `hawker.upload.${options.metadata['channel']}.${file.name}.${file.size}.${file.lastModified}`;
  let url = remembered.getItem(name) ?? '';
  let offset: number | undefined;
  for (let quiet = 0; ;) {
    signal?.throwIfAborted();
    let answer: Answer;
    if (!url) {
      answer = await send(
        'POST',
        below,
        { 'Upload-Length': String(file.size), 'Upload-Metadata': encode(options.metadata) },
        undefined,
        undefined,
        signal,
      );
      if (answer.status === 201) {
        url = new URL(answer.header('Location') ?? '', 'http://here').pathname;
        remembered.setItem(name, url);
        offset = 0;
        continue;
      }
    } else if (offset === undefined) {
      answer = await send('HEAD', url, {}, undefined, undefined, signal);
      if (answer.status === 200) {
        offset = Number(answer.header('Upload-Offset'));
        options.onProgress?.(offset, file.size);
        if (offset >= file.size) break;
        continue;
      }
      if (answer.status === 404 || answer.status === 410) {
        url = '';
        remembered.removeItem(name);
        continue;
      }
    } else {
      const from: number = offset;
      const headers = { 'Upload-Offset': String(from), 'Content-Type': 'application/offset+octet-stream' };
      const part = file.slice(from, from + chunk);
      answer = await send('PATCH', url, headers, part, (sent) => options.onProgress?.(from + sent, file.size), signal);
      if (answer.status === 204) {
        quiet = 0;
        options.onWaiting?.(false);
        offset = Number(answer.header('Upload-Offset'));
        options.onProgress?.(offset, file.size);
        if (offset >= file.size) break;
        continue;
      }
      offset = undefined; // where it stopped, the server knows
    }
    signal?.throwIfAborted();
    if (final(answer.status)) {
      if (answer.status !== 401) remembered.removeItem(name);
      throw problemOf(answer);
    }
    options.onWaiting?.(true);
    if (quiet >= quietMax) throw problemOf(answer);
    await wait(backoff(quiet++));
  }
  remembered.removeItem(name);
  return url.slice(below.length);
}

/** final tells whether asking again will not help. A lock (423) and another offset (409) pass; so does a full disk. */
function final(status: number): boolean {
  return status >= 400 && status < 500 && ![404, 408, 409, 410, 423, 429].includes(status);
}

function problemOf(answer: Answer): ApiError {
  let problem: Problem | undefined;
  try {
    problem = JSON.parse(answer.body) as Problem;
  } catch {
    problem = undefined;
  }
  return new ApiError(answer.status, problem, undefined);
}

/** encode writes metadata as tus has it: names with their values in base64. */
export function encode(metadata: Record<string, string>): string {
  return Object.entries(metadata)
    .map(([key, value]) => `${key} ${btoa(String.fromCharCode(...new TextEncoder().encode(value)))}`)
    .join(',');
}

const sendXhr: Send = (method, url, headers, body, onSent, signal) =>
  new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, url);
    xhr.setRequestHeader('Tus-Resumable', '1.0.0');
    for (const [key, value] of Object.entries(headers)) xhr.setRequestHeader(key, value);
    xhr.upload.onprogress = (event) => onSent?.(event.loaded);
    const done = () =>
      resolve({ status: xhr.status, header: (key) => xhr.getResponseHeader(key), body: xhr.responseText });
    xhr.onload = xhr.onerror = xhr.onabort = xhr.ontimeout = done;
    signal?.addEventListener('abort', () => xhr.abort(), { once: true });
    xhr.send(body ?? null);
  });

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
