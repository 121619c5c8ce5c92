// A viewer watches over LL-HLS while smaller pictures of the show begin to be made: they can be chosen without a reload,
// and the picture stands still for a moment at most.
import { api, demo, origin, patience, phone, run, until } from './lib.mjs';

await run(async (chrome) => {
  const ladder = `/v1/broadcasts/${demo.broadcast}/ladder`;
  const page = await phone(chrome);
  const lists = [];
  page.on('request', (request) => {
    if (/\/index\.m3u8/.test(request.url())) lists.push(request.url());
  });
  await page.goto(`${origin}/b/${demo.broadcast}?transport=hls`);
  await until('a picture', () => page.evaluate(() => eye.frames.length > 60), patience);
  await page.getByRole('button', { name: 'More' }).click();
  const one = page.getByText('This show has one quality.');
  await one.waitFor({ timeout: patience });
  const before = await one.count();
  const mark = await page.evaluate(() => eye.count);
  await api('PUT', ladder, demo.tokens.creator, {});
  try {
    const small = page.getByRole('radio', { name: '360p' });
    await small.waitFor({ timeout: patience });
    const chosen = await page.evaluate(() => eye.count);
    await small.check();
    const narrow = () => page.evaluate(() => Math.min(eye.video.videoWidth, eye.video.videoHeight));
    const width = await until('the smaller picture', async () => (await narrow()) <= 360 && narrow(), patience);
    await until('it to move on', () => page.evaluate((from) => eye.count > from + 60, chosen), patience);
    const gap = await page.evaluate((from) => {
      const frames = eye.frames.filter((frame) => frame.index >= from);
      return Math.round(Math.max(...frames.slice(1).map((frame, i) => frame.at - frames[i].at)));
    }, mark);
    return {
      before,
      lists: lists.length,
      width,
      gap,
      black: await page.evaluate(() => eye.black),
      faults: page.faults,
    };
  } finally {
    await api('DELETE', ladder, demo.tokens.creator);
  }
});
