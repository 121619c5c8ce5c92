import { expect, test } from 'vitest';
import type { Client } from '../api/client';
import { Chat } from './chat';
import type { Line } from './types';

const all: Line[] = Array.from({ length: 330 }, (_, n) => ({
  id: String(n).padStart(4, '0'),
  author: 'a',
  name: 'a',
  text: `line ${n}`,
  media_time: 0,
  at: 0,
}));

/** A server that knows all lines and hands out pages as ours does. */
function server(asked: string[]): Client {
  const get = async (path: string, query: Record<string, string | undefined> = {}) => {
    if (path.endsWith('/me')) throw new Error('nobody');
    if (path.endsWith('/chat')) return { version: 1, rules: {}, announcement: '', likes: 0, messages: all.slice(-50) };
    asked.push(query['before'] ?? '');
    const end = all.findIndex((line) => line.id === query['before']);
    return { items: all.slice(Math.max(0, end - Number(query['limit'])), end) };
  };
  return { get } as unknown as Client;
}

const said = (id: string) => ({ id: `e${id}`, kind: 'chat.said', v: 1, media_time: 0, at: 0, data: { ...all[0], id } });

test('one reads back page by page to the first line, and what comes meanwhile stays', async () => {
  const asked: string[] = [];
  const ways = {
    client: server(asked),
    path: '',
    grant: () => undefined,
    ask: () => false,
    mediaTime: () => undefined,
  };
  const chat = new Chat({ ...ways, atOnce: true });
  await chat.load();
  expect(chat.view.get()).toMatchObject({ older: true });
  await Promise.all([chat.readBack(), chat.readBack()]); // asked twice, fetched once
  expect(asked).toEqual(['0280']);
  chat.event(said('1000'));
  for (let page = 0; page < 10; page++) await chat.readBack();
  const { lines, older } = chat.view.get();
  expect(older).toBe(false);
  expect(lines.map((line) => line.id)).toEqual([...all.map((line) => line.id), '1000']);
  chat.toNewest();
  expect(chat.view.get().lines).toHaveLength(200);
  expect(chat.view.get()).toMatchObject({ older: true });
  expect(chat.view.get().lines.at(-1)!.id).toBe('1000');
});

test('a page that was asked for before the chat was turned off is of no use', async () => {
  const asked: string[] = [];
  const ways = {
    client: server(asked),
    path: '',
    grant: () => undefined,
    ask: () => false,
    mediaTime: () => undefined,
  };
  const chat = new Chat({ ...ways, atOnce: true });
  await chat.load();
  const page = chat.readBack();
  chat.event({ id: 'x', kind: 'chat.ruled', v: 1, media_time: 0, at: 0, data: { off: true } });
  await page;
  expect(chat.view.get().lines).toEqual([]);
});
