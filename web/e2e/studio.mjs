// A creator rehearses on a phone: the team sees it and a stranger does not, and when it is over the show is made. Then the
// creator goes live from the browser: camera and microphone by WHIP, from the studio. A viewer sees it move and hears it, over
// WebRTC and over LL-HLS, where the sound is made AAC. Then the creator pins with one tap, several at once, and a set.
import { api, deadMedia, demo, heard, origin, patience, phone, run, signIn, until } from './lib.mjs';

await run(async (chrome) => {
  const { rehearsal, made } = await rehearse(chrome);
  const studio = await phone(chrome, { width: 1280, height: 800 });
  await signIn(studio, 'creator');
  await studio.goto(`${origin}/studio/b/${made.id}`);
  await goLive(studio);
  await until(
    'on air',
    async () => (await api('GET', `/v1/broadcasts/${made.id}`, demo.tokens.creator)).state === 'live',
    patience,
  );

  const result = { rehearsal };
  for (const transport of ['whep', 'hls']) {
    const page = await phone(chrome);
    if (transport === 'hls') await deadMedia(page);
    await page.goto(`${origin}/b/${made.id}`);
    await until(
      `a picture over ${transport}`,
      () => page.evaluate((kind) => eye.frames.filter((frame) => frame.transport === kind).length > 20, transport),
      patience,
    );
    result[transport] = {
      loudness: await heard(page),
      frames: await page.evaluate(() => eye.count),
    };
    if (transport === 'whep') {
      const began = Date.now();
      const pin = studio.getByRole('button', { name: /^Pin / }).first();
      await pin.waitFor({ timeout: patience });
      await pin.click();
      await page.locator('[data-pin]').first().waitFor({ timeout: patience });
      result.pinned_ms = Date.now() - began;
      result.several = await several(studio, page);
      result.order = await order(studio);
    }
    result[transport].faults = page.faults;
    await page.close();
  }
  result.health = (await api('GET', `/v1/broadcasts/${made.id}`, demo.tokens.creator)).health;
  result.ended = (await api('POST', `/v1/broadcasts/${made.id}/end`, demo.tokens.creator, {})).state;
  result.faults = studio.faults;
  return result;
});

/** rehearse goes from the studio's list through a rehearsal to the control room of the show that is made after it. */
async function rehearse(chrome) {
  const studio = await phone(chrome);
  await signIn(studio, 'creator');
  await studio.goto(`${origin}/studio`);
  await studio.getByRole('radio', { name: 'Noor, on the road' }).check();
  await studio.getByRole('button', { name: 'New broadcast' }).click();
  await studio.getByRole('radio', { name: 'Rehearsal' }).check();
  await studio.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
  const id = await roomOf(studio);
  await studio
    .locator('.panels-nav')
    .getByRole('button', { name: /Camera/ })
    .click();
  await goLive(studio, /begin the rehearsal/i);
  const path = `/v1/broadcasts/${id}`;
  await until('an encoder', async () => (await api('GET', path, demo.tokens.creator)).health, patience);

  // One of the team sees the picture, as a viewer would and in the studio, where a product is pinned for it.
  const team = await phone(chrome);
  await signIn(team, 'seller');
  await team.goto(`${origin}/b/${id}`);
  await pictures(team);
  await studio.getByRole('button', { name: /^Pin / }).last().click();
  await team.locator('[data-pin]').first().waitFor({ timeout: patience });
  const seen = await team.locator('.room-replay').innerText();
  const live = await team.locator('.live-badge').count();
  await team.goto(`${origin}/studio/b/${id}`);
  await pictures(team);
  const badge = await team.locator('.control-head .badge').innerText();

  const stranger = await phone(chrome);
  await signIn(stranger, 'viewer');
  const refused = (await stranger.request.post(origin + path + '/watch', { data: { consent: false } })).status();
  await stranger.goto(`${origin}/b/${id}`);
  await until('a stranger to be told nothing', async () => /nothing here/i.test(await textOf(stranger)));
  const listed = (await api('GET', `/v1/broadcasts?channel=${demo.channel}`, demo.tokens.viewer)).items;

  await hold(studio, studio.locator('.control-head .hold'));
  await studio.getByRole('link', { name: 'New broadcast' }).click();
  await studio.getByRole('textbox', { name: 'Title' }).fill('From the road');
  await studio.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
  await until('the way out for the team', async () => /rehearsal is over/i.test(await textOf(team)));
  const made = { id: await roomOf(studio, id) };
  const rehearsal = {
    ...{ seen, live, badge, refused, listed: listed.some((one) => one.id === id) },
    faults: [studio, team, stranger].flatMap((page) => page.faults),
  };
  for (const page of [studio, team, stranger]) await page.close();
  return { rehearsal, made };
}

/** roomOf waits until a control room is open, and another than before. */
async function roomOf(page, before = '') {
  const at = () => new URL(page.url()).pathname.split('/studio/b/')[1];
  return until('a control room', () => at() !== before && at());
}

function pictures(page) {
  return until('a moving picture', () => page.evaluate(() => eye.count > 20), patience);
}

function textOf(page) {
  return page.evaluate(() => document.body.innerText);
}

/** several pins a second product beside the first, and a set of two beside both; the viewer opens the set. */
async function several(studio, page) {
  await studio.getByRole('checkbox', { name: 'Up to three at once' }).check();
  await studio.locator('.rundown-row[data-on=false] > .button').first().click();
  await page.locator('[data-pin]').nth(1).waitFor({ timeout: patience });
  await studio.getByRole('button', { name: 'New set' }).click();
  const sheet = studio.getByRole('dialog');
  await sheet.getByRole('textbox', { name: 'Name' }).fill('Two lights');
  for (let n = 0; n < 2; n++) await sheet.getByRole('button', { name: /^Add / }).first().click();
  await sheet.getByRole('button', { name: 'Save set' }).click();
  await studio.getByRole('button', { name: 'Pin Two lights' }).click();
  await page.locator('[data-set]').waitFor({ timeout: patience });
  const cards = await page.locator('[data-pin]').count();
  const full = await studio.locator('.rundown-row[data-on=false] > .button').first().isDisabled();
  await page.getByRole('button', { name: 'See all of Two lights' }).click();
  const rows = page.getByRole('dialog').locator('.bag-row');
  await rows.nth(1).waitFor({ timeout: patience });
  const shown = await rows.count();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await studio.locator('[data-on-screen] li').last().getByRole('button').click();
  await page.locator('[data-set]').waitFor({ state: 'detached', timeout: patience });
  return { cards, full, shown };
}

/** order moves the first product down by a key, and the last one up to the front with the pointer. */
async function order(studio) {
  await studio.getByRole('button', { name: 'Edit run' }).click();
  const sheet = studio.getByRole('dialog');
  const rows = sheet.locator('li[data-row]');
  const ids = () => rows.evaluateAll((all) => all.map((row) => row.dataset.row));
  await rows.nth(3).waitFor();
  const before = await ids();
  const grip = sheet.locator(`[data-row="${before[0]}"] .order-grip`);
  await until('the second place', async () => {
    if ((await ids())[0] === before[0]) await grip.press('ArrowDown');
    return (await ids())[1] === before[0];
  });
  const held = await studio.evaluate(() => document.activeElement.closest('li')?.dataset.row);
  const last = sheet.locator(`[data-row="${before[3]}"] .order-grip`);
  await until('the first place', async () => {
    const from = await last.boundingBox();
    const to = await rows.first().locator('.order-grip').boundingBox();
    await studio.mouse.move(from.x + 20, from.y + from.height / 2);
    await studio.mouse.down();
    await studio.mouse.move(to.x + 20, to.y + to.height / 2, { steps: 12 });
    const moved = until('it to follow', async () => (await ids())[0] === before[3], 5000).catch(() => false);
    await moved.then(() => studio.mouse.up());
    return moved;
  });
  await sheet.getByRole('button', { name: 'Save run' }).click();
  await sheet.waitFor({ state: 'detached' });
  return { before, held, after: await studio.locator('.rundown-title').allTextContents() };
}

/** goLive takes the way that the page offers: this device, the camera, and a button that is held. */
async function goLive(page, name = /go live/i) {
  await page.getByRole('radio', { name: 'This device' }).check();
  await page.getByRole('button', { name: 'Turn the camera on' }).click();
  await hold(page, page.getByRole('button', { name }).last());
}

async function hold(page, start) {
  await start.waitFor({ timeout: patience });
  await start.scrollIntoViewIfNeeded();
  const box = await start.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.waitForTimeout(1000);
  await page.mouse.up();
}
