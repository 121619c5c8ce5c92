import type { Problem } from './types';

// One way to the API: JSON in, JSON or a problem out, the session in a cookie of our own origin.

/** ApiError is an answer that is not the one asked for. status 0: there was no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | undefined,
    /** Seconds after which the server wants to be asked again. */
    readonly retryAfter: number | undefined,
  ) {
    super(problem?.detail ?? problem?.title ?? `HTTP ${status}`);
  }

  /** The machine-readable name of what went wrong, such as "sold-out". */
  get code(): string {
    return this.problem?.code ?? this.problem?.type?.split('/').pop() ?? '';
  }
}

export interface RequestOptions {
  body?: unknown;
  /** Makes a POST safe to repeat: one key, one effect. */
  idempotencyKey?: string;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  /** Another server's origin; our own cookies stay at home then. */
  base?: string;
}

export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  let body: BodyInit | undefined;
  if (options.body instanceof Blob) {
    body = options.body;
    headers['Content-Type'] = options.body.type;
  } else if (options.body !== undefined) {
    body = JSON.stringify(options.body);
    headers['Content-Type'] = 'application/json';
  }
  if (options.idempotencyKey) headers['Idempotency-Key'] = options.idempotencyKey;

  let response: Response;
  try {
    response = await fetch((options.base ?? '') + withQuery(path, options.query), {
      method,
      headers,
      body,
      signal: options.signal,
      credentials: options.base ? 'omit' : 'same-origin',
    });
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new ApiError(0, undefined, undefined);
  }
  if (!response.ok) throw await toError(response);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** clientOf names the verbs of one server's API. Paths start with /v1. */
export function clientOf(base?: string, token?: string) {
  const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
  const to = { base, headers };
  return {
    get: <T>(path: string, query?: RequestOptions['query'], signal?: AbortSignal) =>
      request<T>('GET', path, { ...to, query, signal }),
    post: <T>(path: string, body?: unknown, options: RequestOptions = {}) =>
      request<T>('POST', path, { ...to, body: body ?? {}, ...options }),
    put: <T>(path: string, body?: unknown, options: RequestOptions = {}) =>
      request<T>('PUT', path, { ...to, body: body ?? {}, ...options }),
    patch: <T>(path: string, body: unknown) => request<T>('PATCH', path, { ...to, body }),
    delete: <T = void>(path: string, body?: unknown) => request<T>('DELETE', path, { ...to, body }),
  };
}

export type Client = ReturnType<typeof clientOf>;

/** api is that of our own origin, with the session in a cookie. */
export const api = clientOf();

/** pictureURL is where a product's picture is; the API names pictures by id or by path. */
export function pictureURL(picture: string | undefined): string | undefined {
  if (!picture) return undefined;
  return picture.includes('/') ? picture : `/v1/pictures/${picture}`;
}

async function toError(response: Response): Promise<ApiError> {
  let problem: Problem | undefined;
  if (response.headers.get('Content-Type')?.includes('json')) {
    problem = (await response.json().catch(() => undefined)) as Problem | undefined;
  }
  return new ApiError(response.status, problem, retryAfterSeconds(response.headers.get('Retry-After'), Date.now()));
}

/** retryAfterSeconds reads both forms of the header (RFC 9110 section 10.2.3). */
export function retryAfterSeconds(header: string | null, nowMilliseconds: number): number | undefined {
  if (!header) return undefined;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - nowMilliseconds) / 1000));
}

function withQuery(path: string, query: RequestOptions['query']): string {
  const entries = Object.entries(query ?? {}).filter((entry) => entry[1] !== undefined);
  if (entries.length === 0) return path;
  return `${path}?${new URLSearchParams(entries.map(([key, value]) => [key, String(value)])).toString()}`;
}
