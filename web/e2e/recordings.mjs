// A creator opens what was recorded: a clip that waits is published, a range is looked at and becomes another clip.
// Arguments: the channel, a broadcast of it that is recorded, and the media time of a pin in it. SHOTS names a folder for pictures.
import { origin, patience, phone, run, signIn, until } from './lib.mjs';

const [channel, show, pin] = process.argv.slice(3);

await run(async (chrome) => {
  const shot = async (page, name) => {
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
  };
  const page = await phone(chrome);
  await signIn(page, 'creator');
  await page.goto(`${origin}/studio/recordings/${channel}`);
  await page.waitForSelector('.clip[data-state=draft]', { timeout: patience });
  const clip = await page.getAttribute('.clip[data-state=draft]', 'data-clip');
  await page.waitForSelector(`.clip[data-clip="${clip}"] img`, { timeout: patience });
  await shot(page, 'phone');
  await page.click(`.clip[data-clip="${clip}"] .button-accent`);
  await page.waitForSelector(`.clip[data-clip="${clip}"][data-state=published]`, { timeout: patience });
  await page.click(`[data-show="${show}"]`);
  await page.waitForSelector(`.cut-pin[data-from="${pin}"]`, { timeout: patience });
  // Others of the same show may lie over it.
  await page.dispatchEvent(`.cut-pin[data-from="${pin}"]`, 'click');
  await page.click('.cut-actions .button:nth-child(2)');
  await page.waitForSelector('video.cut-preview', { timeout: patience });
  const played = await until(
    'the range to play',
    () => page.evaluate(() => document.querySelector('video.cut-preview').currentTime),
    patience,
  );
  const length = await page.evaluate(() => document.querySelector('video.cut-preview').duration);
  await shot(page, 'phone-cut');
  const before = await page.locator('.clip').count();
  await page.click('.cut-actions .button-accent');
  await until('the new clip', async () => (await page.locator('.clip').count()) > before, patience);
  // A slip deletes nothing; held down, the clip is gone.
  await page.keyboard.press('Escape');
  await page.waitForSelector('[role=dialog]', { state: 'detached' });
  const hold = page.locator(`.clip[data-clip="${clip}"] .hold`);
  await hold.click();
  await page.waitForSelector(`.clip[data-clip="${clip}"] .hold[data-stage=short]`);
  await page.waitForSelector(`.clip[data-clip="${clip}"] .hold[data-stage=idle]`);
  const kept = (await fetch(`${origin}/v1/videos/${clip}`)).status;
  await hold.hover();
  await page.mouse.down();
  await page.waitForSelector(`.clip[data-clip="${clip}"]`, { state: 'detached', timeout: patience });
  await page.mouse.up();
  const deleted = (await fetch(`${origin}/v1/videos/${clip}`)).status;
  if (process.env.SHOTS) {
    for (const [name, locale, width, height] of [
      ['desk', 'en-GB', 1280, 900],
      ['ar', 'ar', 390, 844],
      ['de', 'de', 390, 844],
    ]) {
      const other = await phone(chrome, { locale, width, height });
      await signIn(other, 'creator');
      await other.goto(`${origin}/studio/recordings/${channel}`);
      await other.waitForSelector('.clip img', { timeout: patience });
      await shot(other, name);
      await other.click(`[data-show="${show}"]`);
      await other.waitForSelector('.cut-pin');
      await shot(other, `${name}-cut`);
    }
  }
  return { clip, played, length, kept, deleted, faults: page.faults };
});
