// Very many buy at once: the buyer gets a place in the queue, sees it come nearer, and has the order when it is their turn.
import { api, demo, origin, patience, phone, run } from './lib.mjs';

await run(async (chrome) => {
  const page = await phone(chrome);
  await api('PUT', `/v1/broadcasts/${demo.broadcast}/pins/${demo.product}`, demo.tokens.creator, {});
  await page.goto(`${origin}/b/${demo.broadcast}`);
  const card = page.locator(`[data-pin][data-product="${demo.product}"]`);
  await card.waitFor({ timeout: patience });
  await card.getByRole('button').click();
  const sheet = page.getByRole('dialog');
  await sheet.getByLabel('Name').fill('Sami');
  await sheet.getByLabel('Email').fill(`sami-${Date.now()}@example.com`);
  await sheet.getByLabel('Password').fill('olives and lemons 9');
  await sheet.locator('button[type=submit]').click();
  await sheet.getByLabel('Full name').fill('Sami Haddad');
  await sheet.getByLabel('Street and number').fill('Marktgasse 3');
  await sheet.getByLabel('Postal code').fill('10115');
  await sheet.getByLabel('City').fill('Berlin');
  await sheet.getByRole('button', { name: /^Pay / }).click();
  const place = sheet.locator('[data-queue=waiting] dd').first();
  await place.waitFor({ timeout: patience });
  const positions = [];
  const until = Date.now() + 60_000;
  while (Date.now() < until && (await place.isVisible())) {
    const at = Number(await place.textContent({ timeout: 1000 }).catch(() => '0'));
    if (at && at !== positions.at(-1)) positions.push(at);
    await page.waitForTimeout(200);
  }
  await sheet.getByText('It is yours').waitFor({ timeout: patience });
  await api('DELETE', `/v1/broadcasts/${demo.broadcast}/pins/${demo.product}`, demo.tokens.creator);
  return { positions, faults: page.faults };
});
