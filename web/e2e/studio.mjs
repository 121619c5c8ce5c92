// A creator goes live from the browser: camera and microphone by WHIP, from the studio. A viewer sees it move and hears it, over
// WebRTC and over LL-HLS, where the sound is made AAC. Then the creator pins with one tap.
import { api, deadMedia, demo, heard, origin, phone, run, signIn, until } from './lib.mjs';

await run(async (chrome) => {
  const studio = await phone(chrome, { width: 1280, height: 800 });
  await signIn(studio, 'creator');
  const made = await api('POST', `/v1/channels/${demo.channel}/broadcasts`, demo.tokens.creator, {
    title: 'From the road',
  });
  await studio.goto(`${origin}/studio/b/${made.id}`);
  await goLive(studio);
  await until(
    'on air',
    async () => (await api('GET', `/v1/broadcasts/${made.id}`, demo.tokens.creator)).state === 'live',
    60_000,
  );

  const result = {};
  for (const transport of ['whep', 'hls']) {
    const page = await phone(chrome);
    if (transport === 'hls') await deadMedia(page);
    await page.goto(`${origin}/b/${made.id}`);
    await until(
      `a picture over ${transport}`,
      () => page.evaluate((kind) => eye.frames.filter((frame) => frame.transport === kind).length > 20, transport),
      90_000,
    );
    result[transport] = {
      loudness: await heard(page),
      frames: await page.evaluate(() => eye.count),
    };
    if (transport === 'whep') {
      const began = Date.now();
      const pin = studio.getByRole('button', { name: /^Pin / }).first();
      await pin.waitFor({ timeout: 60_000 });
      await pin.click();
      await page.locator('[data-pin]').first().waitFor({ timeout: 60_000 });
      result.pinned_ms = Date.now() - began;
    }
    result[transport].faults = page.faults;
    await page.close();
  }
  result.health = (await api('GET', `/v1/broadcasts/${made.id}`, demo.tokens.creator)).health;
  result.ended = (await api('POST', `/v1/broadcasts/${made.id}/end`, demo.tokens.creator, {})).state;
  result.faults = studio.faults;
  return result;
});

/** goLive takes the way that the page offers: this device, the camera, and a button that is held. */
async function goLive(page) {
  await page.getByRole('radio', { name: 'This device' }).check();
  await page.getByRole('button', { name: 'Turn the camera on' }).click();
  const start = page.getByRole('button', { name: /go live/i }).last();
  await start.waitFor({ timeout: 60_000 });
  await start.scrollIntoViewIfNeeded();
  const box = await start.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.waitForTimeout(1000);
  await page.mouse.up();
}
