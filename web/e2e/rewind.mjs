// A viewer winds a show that is on air back: fifteen seconds by a tap, further by the bar, stands still, and goes to live
// again. The pictures are those of then, and so are the cards: a product that is pinned meanwhile lies on its own frame.
import { api, demo, origin, patience, phone, run, until } from './lib.mjs';

const loop = 480;
const path = `/v1/broadcasts/${demo.broadcast}`;

await run(async (chrome) => {
  await until('something to wind back to', async () => (await api('GET', `${path}/scene`)).now > 25e6, patience);
  const page = await phone(chrome);
  await page.goto(`${origin}/b/${demo.broadcast}`);
  await until('a picture', () => page.evaluate(() => eye.frames.length > 60), patience);
  const back = page.getByRole('button', { name: 'Go back 15 seconds' });
  await back.waitFor({ timeout: patience });

  const before = await page.evaluate(() => ({ number: eye.frames.at(-1).number, count: eye.count }));
  const began = Date.now();
  await back.click();
  const first = await until(
    'a picture of then',
    () => page.evaluate((from) => eye.frames.find((f) => f.index >= from && f.transport === 'hls'), before.count),
    patience,
  );
  const result = { back: (before.number - first.number + 2 * loop) % loop, took: Date.now() - began };
  await until('pictures of then', () => page.evaluate((from) => eye.count > from + 30, first.index));
  const bar = () =>
    page.evaluate(() => {
      const input = document.querySelector('.replay-bar input');
      return { from: Number(input.min), at: Number(input.value), to: Number(input.max) };
    });
  result.behind = await bar().then((is) => is.to - is.at);

  // Standing still: the picture waits for its viewer.
  await page.getByRole('button', { name: 'Pause' }).click();
  await until('to stand still', () => page.evaluate(() => document.querySelector('video').paused));
  const still = await page.evaluate(() => eye.count);
  await page.waitForTimeout(2500);
  result.stood = (await page.evaluate(() => eye.count)) - still <= 2;
  await page.getByRole('button', { name: 'Play' }).click();

  // To the beginning of what there is.
  const { from } = await bar();
  await page.evaluate((to) => {
    const input = document.querySelector('.replay-bar input');
    input.value = String(to);
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }, from + 2);
  const sought = await page.evaluate(() => eye.count);
  await until('pictures of the beginning', () => page.evaluate((from) => eye.count > from + 30, sought));
  const there = await bar();
  result.sought = there.at - there.from;

  // What is pinned now is not on the frames of then.
  const pinned = () =>
    page.evaluate((product) => document.querySelector(`.pin[data-product="${product}"]`) !== null, demo.product);
  await api('PUT', `${path}/pins/${demo.product}`, demo.tokens.creator, {});
  await page.waitForTimeout(2000);
  result.early = await pinned();
  const leaving = await page.evaluate(() => eye.count);
  await page.getByRole('button', { name: 'Go to live' }).click();
  await until(
    'live pictures',
    () =>
      page.evaluate((from) => eye.frames.filter((f) => f.index >= from && f.transport === 'whep').length > 60, leaving),
    patience,
  );
  result.card = Boolean(await until('the card of now', pinned, patience));
  await api('DELETE', `${path}/pins/${demo.product}`, demo.tokens.creator);
  return {
    ...result,
    bar: await page.evaluate(() => document.querySelector('.replay-bar') !== null),
    black: await page.evaluate(() => eye.black),
    faults: page.faults,
  };
});
