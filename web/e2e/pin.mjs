// The creator pins a product; the card appears in each viewer's player on the frame of the pin, whatever the transport.
// It prints what each player presented after each request; whoever knows which burnt-in number a media time has (the test,
// from the server's own clock) counts the frames.
import { api, deadMedia, demo, origin, phone, run, until } from './lib.mjs';

await run(async (chrome) => {
  const pages = {};
  for (const transport of ['whep', 'hls']) {
    const page = (pages[transport] = await phone(chrome));
    if (transport === 'hls') await deadMedia(page);
    await page.goto(`${origin}/b/${demo.broadcast}`);
    await until(
      `a picture over ${transport}`,
      () =>
        page.evaluate((kind) => eye.frames.some((frame) => frame.transport === kind && frame.number >= 0), transport),
      30_000,
    );
  }
  await Promise.all(Object.values(pages).map((page) => page.waitForTimeout(2500))); // settled playback
  const pins = [];
  for (let n = 0; n < Number(process.argv[3] ?? 3); n++) {
    pins.push({ on: await change('PUT', true), off: await change('DELETE', false) });
  }
  return { pins, faults: Object.values(pages).flatMap((page) => page.faults) };

  /** change pins or unpins and returns the frames that each player presented until some after the card had come or gone. */
  async function change(method, wanted) {
    const marks = {};
    for (const [transport, page] of Object.entries(pages)) marks[transport] = await page.evaluate(() => eye.count);
    const body = method === 'PUT' ? {} : undefined;
    const pin = await api(method, `/v1/broadcasts/${demo.broadcast}/pins/${demo.product}`, demo.tokens.creator, body);
    const result = { at: wanted ? pin.from : pin.until };
    for (const [transport, page] of Object.entries(pages)) {
      result[transport] = await until(
        `the card to ${wanted ? 'come' : 'go'} over ${transport}`,
        () => presented(page, wanted, marks[transport]),
        25_000,
      );
    }
    return result;
  }
});

/** presented lists [burnt-in number, whether the card is as wanted] of each frame since the mark, once that is told enough. */
function presented(page, wanted, mark) {
  return page.evaluate(
    ([wanted, product, mark]) => {
      const frames = eye.frames
        .filter((frame) => frame.index >= mark)
        .map((frame) => [frame.number, Number(frame.pins.includes(product) === wanted)]);
      const change = frames.findIndex((frame) => frame[1] === 1);
      return change >= 0 && frames.length > change + 30 ? frames : null;
    },
    [wanted, demo.product, mark],
  );
}
