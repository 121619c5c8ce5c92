// A creator sends a short video from the phone, lays a product on its frames and publishes it; a viewer sees the card at
// its second, and only then, and buys. A picture becomes a picture with a product on it, or a story for a day; what is
// deleted is gone, and a slip deletes nothing. Arguments: the file, a picture. SHOTS=<folder> takes pictures on the way.
import { api, demo, origin, patience, phone, run, signIn, until } from './lib.mjs';

const [file, picture] = process.argv.slice(3);
const shots = process.env.SHOTS;

await run(async (chrome) => {
  const shot = async (page, name) => shots && page.screenshot({ path: `${shots}/${name}.png` });
  const creator = await phone(chrome);
  await signIn(creator, 'creator');
  await creator.goto(`${origin}/studio/videos`);
  await creator.locator('button', { hasText: 'Add a video' }).waitFor();
  const listed = () => creator.locator('[data-video]').evaluateAll((rows) => rows.map((row) => row.dataset.video));
  // Clips of the channel's shows may stand there.
  /** send gives the page a file and returns the video that it lists for it. */
  const send = async (what) => {
    await creator.waitForLoadState('networkidle');
    const before = await listed();
    await creator.locator('input[type=file]').setInputFiles(what);
    return until(
      'the upload to be listed',
      async () => (await listed()).find((one) => !before.includes(one)),
      patience,
    );
  };
  const id = await send(file);
  const row = creator.locator(`[data-video="${id}"]`);
  await shot(creator, 'videos-phone');
  const began = Date.now();
  await creator.locator(`[data-video="${id}"][data-state=draft]`).waitFor({ timeout: 150_000 });
  const madeMS = Date.now() - began;
  await row.click();
  await creator.getByLabel('Title').fill('Linen at dusk');
  await creator.getByRole('button', { name: 'Save' }).click();
  await creator.getByLabel('Product', { exact: true }).selectOption(demo.product);
  await creator.getByLabel('From second').fill('2');
  await creator.getByLabel('Until second').fill('5');
  await creator.getByRole('button', { name: 'Add a product' }).click();
  await creator.locator(`[data-tag="${demo.product}"]`).waitFor();
  const hidden = await fetch(`${origin}/v1/videos/${id}`);
  await creator.getByRole('button', { name: 'Publish now' }).click();
  await creator.locator(`main[data-state=published]`).waitFor({ timeout: patience });
  await shot(creator, 'editor-phone');

  const viewer = await phone(chrome);
  await signIn(viewer, 'viewer');

  /** pictures sends one as a picture and one as a story, publishes both, looks at them, and deletes the first. */
  async function pictures() {
    const out = {};
    for (const kind of ['Video', 'Story, for 24 hours']) {
      await creator.goto(`${origin}/studio/videos`);
      await creator.getByRole('radio', { name: kind, exact: true }).check({ force: true });
      const one = await send(picture);
      await creator.locator(`[data-video="${one}"][data-state=draft]`).waitFor({ timeout: patience });
      await creator.locator(`[data-video="${one}"]`).click();
      await creator.getByLabel('Product', { exact: true }).selectOption(demo.product);
      await creator.getByRole('button', { name: 'Add a product' }).click();
      await creator.locator(`[data-tag="${demo.product}"]`).waitFor();
      await creator.getByRole('button', { name: 'Publish now' }).click();
      await creator.locator(`main[data-state=published]`).waitFor({ timeout: patience });
      const video = await api('GET', `/v1/videos/${one}`, demo.tokens.viewer);
      await viewer.goto(`${origin}/v/${one}`);
      await viewer.locator(`[data-pin][data-product="${demo.product}"]`).waitFor({ timeout: patience });
      const width = await until(
        'the picture',
        () => viewer.evaluate(() => document.querySelector('img.short-picture')?.naturalWidth),
        patience,
      );
      const lasts = video.expires_at ? (Date.parse(video.expires_at) - Date.parse(video.published_at)) / 3_600_000 : 0;
      out[video.kind] = { id: one, width, lasts };
    }
    await creator.goto(`${origin}/studio/videos/${out.picture.id}`);
    const hold = creator.locator('.hold');
    await hold.click();
    await creator.locator('.hold[data-stage=short]').waitFor();
    await creator.locator('.hold[data-stage=idle]').waitFor();
    out.slip = (await fetch(`${origin}/v1/videos/${out.picture.id}`)).status;
    await hold.hover();
    await creator.mouse.down();
    await creator.locator(`[data-video="${out.story.id}"]`).waitFor({ timeout: patience }); // back at the list
    await creator.mouse.up();
    out.deleted = (await fetch(`${origin}/v1/videos/${out.picture.id}`)).status;
    return out;
  }
  await viewer.goto(origin);
  const feed = await look(viewer, id, shot);
  await viewer.locator(`[data-video="${id}"] .slide-title`).click();
  const card = viewer.locator(`[data-pin][data-product="${demo.product}"]`);
  await until(
    'the video to play',
    // The feed stays until the video's page is there, and its video plays, too.
    () => viewer.evaluate(() => document.querySelector('main.short video')?.dataset.state === 'playing'),
    patience,
  );
  await viewer.evaluate(() => document.querySelector('main.short video').pause());
  const seen = {};
  for (const [at, wanted] of [
    [1, 0],
    [2.5, 1],
    [4.5, 1],
    [5.5, 0],
    [3, 1],
  ]) {
    await viewer.locator('video').evaluate((video, at) => (video.currentTime = at), at);
    await until(
      `the card to be ${wanted ? 'there' : 'away'} at ${at} s`,
      async () => (await card.count()) === wanted,
      patience,
    );
    seen[at] = wanted;
  }
  await viewer.waitForTimeout(300); // the card has come in
  await shot(viewer, 'video-phone');
  // Two taps: the card, and the button that says what it costs.
  await card.getByRole('button').click();
  const pay = viewer.getByRole('dialog').getByRole('button', { name: /^Pay / });
  const form = viewer.getByRole('dialog').getByLabel('Full name');
  await pay.or(form).first().waitFor();
  if (await form.count()) {
    await form.fill('Mina Haddad');
    await viewer.getByRole('dialog').getByLabel('Street and number').fill('Marktgasse 3');
    await viewer.getByRole('dialog').getByLabel('Postal code').fill('10115');
    await viewer.getByRole('dialog').getByLabel('City').fill('Berlin');
  }
  await pay.click();
  await viewer.getByRole('dialog').getByText('It is yours').waitFor({ timeout: patience });
  await shot(viewer, 'bought-phone');
  const orders = await api('GET', '/v1/orders?limit=1', demo.tokens.viewer);
  const order = await api('GET', `/v1/orders/${orders.items[0].id}`, demo.tokens.viewer);
  const stills = await pictures();
  if (shots) {
    for (const [name, options, path] of [
      ['video-desktop', { width: 1280, height: 800 }, `/v/${id}`],
      ['video-ar', { locale: 'ar-EG' }, `/v/${id}`],
      ['feed-desktop', { width: 1280, height: 800 }, '/'],
      ['editor-ar', { locale: 'ar-EG', height: 1400 }, `/studio/videos/${id}`],
      ['editor-de', { locale: 'de-DE', height: 1400 }, `/studio/videos/${id}`],
    ]) {
      const page = await phone(chrome, options);
      await signIn(page, 'creator');
      await page.goto(origin + path);
      await page.waitForLoadState('networkidle').catch(() => undefined);
      if (path.startsWith('/v/')) {
        await until('a picture', () => page.evaluate(() => document.querySelector('video')?.readyState >= 2), patience);
        await page.evaluate(() => {
          document.querySelector('video').pause();
          document.querySelector('video').currentTime = 3;
        });
        await page.locator('[data-pin]').waitFor({ timeout: patience });
      }
      await shot(page, name);
    }
  }
  return {
    video: id,
    feed,
    made_ms: madeMS,
    hidden: hidden.status,
    seen,
    bought_from: order.video,
    state: order.state,
    stills,
    faults: [...creator.faults, ...viewer.faults],
  };
});

/** look goes down the first page to a video, by key, until it plays there; asks why it stands there; and comes back. */
async function look(page, id, shot) {
  await page.locator('[data-slide="0"]').waitFor({ timeout: patience });
  const slide = page.locator(`[data-video="${id}"]`);
  const began = await page.locator('[data-active]').getAttribute('data-kind');
  await until(
    'the video on the first page',
    async () => {
      if ((await slide.getAttribute('data-active', { timeout: 200 }).catch(() => null)) === 'true') return true;
      const at = await page
        .locator('[data-active]')
        .getAttribute('data-slide')
        .catch(() => null);
      await page.keyboard.press('ArrowDown');
      await page
        .waitForFunction((was) => document.querySelector('[data-active]')?.dataset.slide !== was, at, { timeout: 3000 })
        .catch(() => undefined);
      return false;
    },
    patience,
  );
  await until(
    'the video to play on the first page',
    () => page.evaluate(() => document.querySelector('[data-active] video')?.currentTime > 0.3),
    patience,
  );
  await shot(page, 'feed-phone');
  await slide.locator(`[data-why="${id}"]`).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('[data-reason]').first().waitFor();
  await page.waitForTimeout(300);
  await shot(page, 'why-phone');
  const terms = await dialog
    .locator('[data-reason]')
    .evaluateAll((rows) => Object.fromEntries(rows.map((row) => [row.dataset.reason, Number(row.dataset.points)])));
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  return { began, terms, videos: await page.locator('.slide video').count() };
}
