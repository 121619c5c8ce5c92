// The creator pins a product; the card appears in each viewer's player on the frame of the pin, whatever the transport.
// It prints what each player presented after each request; whoever knows which burnt-in number a media time has (the test,
// from the server's own clock) counts the frames.
import { deadMedia, demo, origin, patience, phone, run, until } from './lib.mjs';
import { change } from './pins-lib.mjs';

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
      patience,
    );
  }
  await Promise.all(Object.values(pages).map((page) => page.waitForTimeout(2500))); // settled playback
  const pins = [];
  for (let n = 0; n < Number(process.argv[3] ?? 3); n++) {
    pins.push({ on: await change(pages, 'PUT', true), off: await change(pages, 'DELETE', false) });
  }
  return { pins, faults: Object.values(pages).flatMap((page) => page.faults) };
});
