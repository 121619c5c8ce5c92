// A viewer opens the broadcast and sees and hears it: over WebRTC; and over LL-HLS, by itself, where no WebRTC media pass.
import { deadMedia, demo, heard, origin, phone, run, until } from './lib.mjs';

await run(async (chrome) => {
  const result = {};
  for (const transport of ['whep', 'hls']) {
    const page = await phone(chrome);
    if (transport === 'hls') await deadMedia(page);
    await page.goto(`${origin}/b/${demo.broadcast}`);
    await until(
      `a picture over ${transport}`,
      () =>
        page.evaluate((kind) => eye.frames.some((frame) => frame.transport === kind && frame.number >= 0), transport),
      30_000,
    );
    const first = await page.evaluate(() => ({
      firstFrame: Math.round(eye.firstFrameAt - eye.videoAt),
      since: eye.frames.length,
    }));
    const loudness = await heard(page);
    const seen = await page.evaluate((from) => eye.frames.slice(from), first.since);
    const numbers = seen.map((frame) => frame.number);
    const steps = numbers.slice(1).map((number, i) => (number - numbers[i] + 480) % 480);
    result[transport] = {
      first_frame_ms: first.firstFrame,
      loudness,
      frames: seen.length,
      readable: numbers.filter((number) => number >= 0).length,
      forward: steps.filter((step) => step > 0 && step < 30).length,
      transport: await page.evaluate(() => document.querySelector('video').dataset.transport),
      state: await page.evaluate(() => document.querySelector('video').dataset.state),
      faults: page.faults,
    };
    await page.close();
  }
  return result;
});
