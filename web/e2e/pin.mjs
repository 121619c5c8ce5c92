// The creator pins a product; the card appears in each viewer's player on the frame of the pin, whatever the transport.
// Ground truth is the number burnt into the picture: the demo's first frame of a generation is number 0 of its loop.
import { api, deadMedia, demo, origin, phone, run, until } from './lib.mjs';

const loop = 480;
const rate = 30;

await run(async (chrome) => {
  const pages = {};
  for (const transport of ['whep', 'hls']) {
    const page = (pages[transport] = await phone(chrome));
    if (transport === 'hls') await deadMedia(page);
    await page.goto(`${origin}/b/${demo.broadcast}`);
    await until(`a picture over ${transport}`, () => page.evaluate((kind) => eye.frames.some((frame) => frame.transport === kind && frame.number >= 0), transport), 30_000);
  }
  await Promise.all(Object.values(pages).map((page) => page.waitForTimeout(2500))); // settled playback
  const { anchors } = await api('GET', `/v1/broadcasts/${demo.broadcast}`);
  const newest = anchors.at(-1);
  const pins = [];
  for (let n = 0; n < Number(process.argv[3] ?? 3); n++) {
    const pin = await api('PUT', `/v1/broadcasts/${demo.broadcast}/pins/${demo.product}`, demo.tokens.creator, {});
    const expected = Math.ceil(((pin.from - newest.media_time) * rate) / 1e6 - 0.5) % loop;
    const on = {};
    for (const [transport, page] of Object.entries(pages)) on[transport] = await errorOf(page, expected, true);
    const gone = await api('DELETE', `/v1/broadcasts/${demo.broadcast}/pins/${demo.product}`, demo.tokens.creator);
    const end = Math.ceil(((gone.until - newest.media_time) * rate) / 1e6 - 0.5) % loop;
    const off = {};
    for (const [transport, page] of Object.entries(pages)) off[transport] = await errorOf(page, end, false);
    pins.push({ frame: expected, on, off });
  }
  return { pins, generations: anchors.length, faults: Object.values(pages).flatMap((page) => page.faults) };
});

/** errorOf counts the presented frames from the first one at or after the expected number to the first with (or without) the card. */
async function errorOf(page, expected, wanted) {
  const found = await until(
    `the card to ${wanted ? 'come' : 'go'} at frame ${expected}`,
    () =>
      page.evaluate(
        ([expected, wanted, product, loop]) => {
          const frames = eye.frames.slice(-600);
          const has = (frame) => frame.pins.includes(product) === wanted;
          // The newest change of the card, and the newest passing of the expected frame.
          let change = -1;
          for (let i = frames.length - 1; i > 0; i--) if (has(frames[i]) && !has(frames[i - 1])) { change = i; break; }
          let due = -1;
          for (let i = frames.length - 1; i > 0; i--) {
            const behind = (frames[i].number - expected + loop) % loop;
            const before = (frames[i - 1].number - expected + loop) % loop;
            if (frames[i].number >= 0 && behind < loop / 2 && before >= loop / 2) { due = i; break; }
          }
          if (change < 0 || due < 0 || frames.length - change < 3 || Math.abs(change - due) > 300) return null;
          return { error: change - due, shown: frames[change].number, due: frames[due].number, skipped: (frames[due].number - expected + loop) % loop };
        },
        [expected, wanted, demo.product, loop],
      ),
    20_000,
  );
  return found;
}
