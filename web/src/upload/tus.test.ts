import { describe, expect, it } from 'vitest';
import { encode, upload, type Answer, type Send } from './tus';

/** A server that keeps what it is sent, and whose link breaks as the test says. */
class Fake {
  stored = 0;
  made = 0;
  requests: string[] = [];
  constructor(
    readonly size: number,
    readonly broken: (n: number) => boolean = () => false,
  ) {}
  send: Send = (method, url, headers, body) => {
    this.requests.push(method);
    const answer = (status: number, fields: Record<string, string> = {}, text = ''): Promise<Answer> =>
      Promise.resolve({ status, header: (key) => fields[key] ?? null, body: text });
    if (method === 'POST') {
      this.made++;
      return answer(201, { Location: 'https://shop.example/v1/uploads/abc' });
    }
    if (url !== '/v1/uploads/abc') return answer(404);
    if (method === 'HEAD') return answer(200, { 'Upload-Offset': String(this.stored) });
    if (Number(headers['Upload-Offset']) !== this.stored) return answer(409);
    if (this.broken(this.requests.length)) {
      this.stored += Math.floor(body!.size / 2); // half of it arrived
      return answer(0);
    }
    this.stored += body!.size;
    return answer(204, { 'Upload-Offset': String(this.stored) });
  };
}

class Memory {
  kept = new Map<string, string>();
  getItem = (key: string) => this.kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.kept.set(key, value);
  removeItem = (key: string) => void this.kept.delete(key);
}

const file = new File([new Uint8Array(1000)], 'a.mp4', { lastModified: 5 });
const base = { metadata: { channel: 'c' }, chunkBytes: 100, wait: () => Promise.resolve() };

describe('upload', () => {
  it('sends every byte once over a good link', async () => {
    const server = new Fake(1000);
    const memory = new Memory();
    expect(await upload(file, { ...base, send: server.send, remembered: memory })).toBe('abc');
    expect(server.stored).toBe(1000);
    expect(server.requests.filter((one) => one === 'PATCH')).toHaveLength(10);
    expect(memory.kept.size).toBe(0);
  });

  it('goes on where the server says after the link broke', async () => {
    const server = new Fake(1000, (n) => n % 4 === 0);
    expect(await upload(file, { ...base, send: server.send, remembered: new Memory() })).toBe('abc');
    expect(server.stored).toBe(1000);
    expect(server.made).toBe(1);
  });

  it('goes on with what was begun in an earlier visit', async () => {
    const memory = new Memory();
    const server = new Fake(1000, (n) => n > 4);
    await expect(upload(file, { ...base, send: server.send, remembered: memory })).rejects.toThrow();
    const again = new Fake(1000);
    again.stored = server.stored;
    expect(await upload(file, { ...base, send: again.send, remembered: memory })).toBe('abc');
    expect(again.made).toBe(0);
    expect(again.requests[0]).toBe('HEAD');
  });

  it('says at once what will not be taken', async () => {
    const send: Send = () =>
      Promise.resolve({ status: 415, header: () => null, body: '{"status":415,"code":"bad-type","title":"no"}' });
    await expect(upload(file, { ...base, send, remembered: new Memory() })).rejects.toMatchObject({ status: 415 });
  });

  it('writes titles of any script', () => {
    expect(encode({ title: 'كتّان', kind: 'short' })).toBe('title 2YPYqtmR2KfZhg==,kind c2hvcnQ=');
  });
});
