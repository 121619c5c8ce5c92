// hls.js in a real browser plays what the packager makes: levels in both layouts, a rendition that comes later, AV1, and
// a show that is wound back while it is on air. Its pages come from the test that starts it.
import { origin, run, until } from './lib.mjs';

/** watch opens a page that plays a playlist, and returns it when it plays. */
async function watch(chrome, playlist) {
  const page = await chrome.newPage({ viewport: { width: 400, height: 600 } });
  await page.goto(`${origin}/?${playlist}`);
  await until(`a picture of ${playlist}`, () => page.evaluate(() => eye.frames > 10));
  return page;
}

const state = (page) => page.evaluate(() => eye.state());

/** change asks for a level the way hls.js changes by itself, and waits for its picture. */
async function change(page, height) {
  await page.evaluate((wanted) => (hls.loadLevel = hls.levels.findIndex((level) => level.height === wanted)), height);
  await until(`a picture ${height} high`, () => page.evaluate((h) => eye.video.videoHeight === h, height));
}

/** goesOn waits until a second of pictures has been shown from now on, however long that takes. */
async function goesOn(page) {
  await page.evaluate(() => eye.reset());
  await until('pictures that go on', () => page.evaluate(() => eye.frames > 30));
}

async function levels(chrome, broadcast) {
  const page = await watch(chrome, `hls/${broadcast}/index.m3u8`);
  const heights = await page.evaluate(() => hls.levels.map((level) => level.height).filter(Boolean));
  for (const height of [...heights, ...heights.reverse()]) await change(page, height);
  await goesOn(page);
  return { heights, ...(await state(page)) };
}

async function late(chrome) {
  const page = await watch(chrome, 'hls/late/index.m3u8');
  const before = await page.evaluate(() => hls.levels.length);
  await fetch(`${origin}/join`, { method: 'POST' });
  await until('the new rendition', () => page.evaluate(() => hls.levels.length > 1));
  const [low] = await page.evaluate(() => hls.levels.map((level) => level.height).sort((a, b) => a - b));
  await change(page, low);
  await goesOn(page);
  return { before, ...(await state(page)) };
}

async function plays(chrome, broadcast) {
  const page = await watch(chrome, `hls/${broadcast}/index.m3u8`);
  await goesOn(page);
  return state(page);
}

async function rewind(chrome) {
  const page = await watch(chrome, 'hls/past/dvr.m3u8');
  const live = await page.evaluate(() => ({
    at: +hls.playingDate,
    from: eye.video.seekable.start(0),
    to: hls.liveSyncPosition,
  }));
  await page.evaluate((to) => (eye.video.currentTime = to), live.from + 3);
  await page.evaluate(() => eye.reset());
  await until('a picture of the past', () => page.evaluate(() => eye.frames > 30 && !eye.video.seeking));
  const past = await page.evaluate(() => ({ at: +hls.playingDate, position: eye.video.currentTime }));
  await page.evaluate(() => (eye.video.currentTime = hls.liveSyncPosition));
  await page.evaluate(() => eye.reset());
  await until('the present again', () => page.evaluate(() => eye.frames > 30 && !eye.video.seeking));
  const again = await page.evaluate(() => +hls.playingDate);
  return {
    window: live.to - live.from,
    back: (live.at - past.at) / 1000,
    forth: (again - past.at) / 1000,
    ...(await state(page)),
  };
}

await run(async (chrome) => {
  const [muxed, grouped, joined, av1, past] = await Promise.all([
    levels(chrome, 'muxed'),
    levels(chrome, 'grouped'),
    late(chrome),
    plays(chrome, 'av1'),
    rewind(chrome),
  ]);
  return { muxed, grouped, late: joined, av1, past };
});
