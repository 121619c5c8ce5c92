// A creator prepares a deal in the studio and starts it there; a viewer sees it counted down to on the frame, buys at its price,
// is refused a second unit, and has the usual price again once it is over.
import { api, demo, origin, patience, phone, run, signIn, until } from './lib.mjs';

await run(async (chrome) => {
  const path = `/v1/broadcasts/${demo.broadcast}`;
  const page = await phone(chrome);
  await signIn(page, 'viewer');
  await page.goto(`${origin}/b/${demo.broadcast}`);
  await until('a picture', () => page.evaluate(() => eye.count > 10), patience);

  const studio = await phone(chrome, { width: 1280, height: 900 });
  await signIn(studio, 'creator');
  await studio.goto(`${origin}/studio/b/${demo.broadcast}`);
  await studio.getByRole('button', { name: 'New deal' }).click();
  const form = studio.getByRole('dialog');
  const product = (await api('GET', `/v1/products/${demo.product}`)).price;
  await form.getByLabel('Product').selectOption(demo.product);
  await form.getByLabel(/^Deal price/).fill(((product.amount - 1000) / 100).toFixed(2));
  await form.getByLabel('Units').fill('3');
  await form.getByLabel('Countdown').selectOption('10');
  await form.getByRole('button', { name: 'Prepare the deal' }).click();
  const row = studio.locator('[data-deal][data-state="prepared"]').first();
  await row.waitFor({ timeout: patience });
  await hold(studio, row.getByRole('button', { name: 'Start' }));

  // Each frame tells whether the card lay on it, and how.
  const card = page.locator('[data-deal]');
  await card.waitFor({ timeout: patience });
  const seen = { announced: await card.getAttribute('data-state'), line: await card.locator('.deal-line').innerText() };
  await shot(page, 'deal-countdown');
  await page.locator('[data-deal][data-state="open"]').waitFor({ timeout: patience });
  const deal = (await api('GET', `${path}/scene`)).deals[0];
  await shot(page, 'deal-open');
  await shot(studio, 'deal-studio');

  await card.getByRole('button').click();
  const sheet = page.getByRole('dialog');
  const pay = sheet.getByRole('button', { name: /^Pay / });
  await pay.waitFor({ timeout: patience });
  seen.button = await pay.innerText();
  await pay.click();
  await sheet.getByText('It is yours').waitFor({ timeout: patience });
  await sheet.getByRole('button', { name: 'Keep watching' }).click();
  await card.getByRole('button').click();
  await sheet.getByRole('button', { name: /^Pay / }).click();
  await sheet.getByText('You have reached the number').waitFor({ timeout: patience });
  await page.keyboard.press('Escape');

  await hold(studio, studio.locator(`[data-deal="${deal.id}"]`).getByRole('button', { name: 'End' }));
  await until('the card to go', async () => (await card.count()) === 0, patience);
  const orders = (await api('GET', '/v1/orders', demo.tokens.viewer)).items;
  return { seen, deal, list: product.amount, paid: orders[0].total.amount, faults: [...page.faults, ...studio.faults] };
});

async function hold(page, button) {
  await button.scrollIntoViewIfNeeded();
  const box = await button.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.waitForTimeout(900);
  await page.mouse.up();
}

async function shot(page, name) {
  if (process.env.E2E_SHOTS) await page.screenshot({ path: `${process.env.E2E_SHOTS}/${name}.png` });
}
