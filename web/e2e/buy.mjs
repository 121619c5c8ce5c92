// A new viewer sees a pinned product, signs up in the sheet, and buys; then buys again in two taps, and lines up
// for something sold out until it is kept for them.
import { api, demo, origin, patience, phone, run, until } from './lib.mjs';

await run(async (chrome) => {
  const page = await phone(chrome);
  await api('PUT', `/v1/broadcasts/${demo.broadcast}/pins/${demo.product}`, demo.tokens.creator, {});
  await page.goto(`${origin}/b/${demo.broadcast}`);
  const card = page.locator(`[data-pin][data-product="${demo.product}"]`);
  await card.waitFor({ timeout: patience });
  const before = await stock();

  const frames = await page.evaluate(() => eye.count);
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
  await sheet.getByText('It is yours').waitFor({ timeout: patience });
  const playing = await page.evaluate((from) => eye.count - from, frames);
  await until('the stock that viewers see to fall', async () => (await stock()) === before - 1, 2000);
  await page.keyboard.press('Escape'); // the button that had the focus is gone; the dialog still listens

  // Two taps: the card, and the button that says what it costs.
  await card.getByRole('button').click();
  await page.getByRole('dialog').getByRole('button', { name: /^Pay / }).click();
  await page.getByRole('dialog').getByText('It is yours').waitFor({ timeout: patience });
  await page.getByRole('dialog').getByRole('button', { name: 'Keep watching' }).click();

  const kept = await lineUp(page);

  await page.goto(`${origin}/orders`);
  const orders = await until(
    'three orders on the page',
    async () => (await page.locator('[data-order]').count()) >= 3 && page.locator('[data-order]').count(),
  );
  await api('DELETE', `/v1/broadcasts/${demo.broadcast}/pins/${demo.product}`, demo.tokens.creator);
  return { orders, playing, kept, faults: page.faults };
});

// lineUp waits for something sold out: the page says the place, and when one comes back it is kept, and bought.
async function lineUp(page) {
  const { shop } = await api('GET', `/v1/products/${demo.product}`);
  const rare = await api('POST', `/v1/shops/${shop}/products`, demo.tokens.seller, {
    title: 'Rare lamp',
    price: { amount: 9900, currency: 'EUR' },
    variants: [{ title: 'One', stock: 0 }],
  });
  await api('PUT', `/v1/broadcasts/${demo.broadcast}/pins/${rare.id}`, demo.tokens.creator, {});
  const card = page.locator(`[data-pin][data-product="${rare.id}"]`);
  await card.waitFor({ timeout: patience });
  await card.getByRole('button').click();
  const sheet = page.getByRole('dialog');
  await sheet.getByRole('button', { name: 'Tell me' }).click();
  await sheet.locator('[data-wait=waiting]').waitFor({ timeout: patience });
  const place = await sheet.locator('[data-wait]').innerText();
  await api('POST', `/v1/variants/${rare.variants[0].id}/stock`, demo.tokens.seller, { delta: 1, reason: 'found' });
  await sheet.locator('[data-wait=offered]').waitFor({ timeout: patience });
  await sheet.getByRole('button', { name: /^Pay / }).click();
  await sheet.getByText('It is yours').waitFor({ timeout: patience });
  await sheet.getByRole('button', { name: 'Keep watching' }).click();
  await api('DELETE', `/v1/broadcasts/${demo.broadcast}/pins/${rare.id}`, demo.tokens.creator);
  return /number 1 in line/.test(place);
}

async function stock() {
  const scene = await api('GET', `/v1/broadcasts/${demo.broadcast}/scene`);
  const cards = [...scene.pins, ...scene.bag.map((card) => ({ product: card, variants: card.variants }))];
  return cards.flatMap((card) => card.variants).find((variant) => variant.id === demo.variant).available;
}
