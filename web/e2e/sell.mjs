// The seller watches the sales of the running show: a paid order counts within two seconds, a declined one does not, a refund
// comes off the net. In the end the page is read in Arabic, right to left.
import { api, demo, origin, patience, phone, run, signIn, until } from './lib.mjs';

await run(async (chrome) => {
  const page = await phone(chrome, { width: 1280, height: 800 });
  await signIn(page, 'seller');
  await page.goto(`${origin}/seller`);
  const tile = (name) => page.getByRole('region', { name, exact: true }).locator('.tile-value');
  await tile('GMV').waitFor({ timeout: patience });
  const figures = async () => {
    const [gmv, orders, units] = await Promise.all(['GMV', 'Orders', 'Units'].map((name) => tile(name).textContent()));
    return { gmv: cents(gmv), orders: Number(orders.replace(/\D/g, '')), units: Number(units.replace(/\D/g, '')) };
  };
  const before = await figures();

  const order = await buy(demo.instrument, 2);
  const price = order.total.amount;
  const shownAfter = Date.now();
  await until('the order on the page', async () => (await figures()).orders === before.orders + 1, patience);
  const delay = Date.now() - shownAfter;
  const after = await figures();
  const declined = await buy('sandbox_declined', 1);
  const refund = await api('POST', `/v1/orders/${order.order_id}/refunds`, demo.tokens.seller, {
    lines: [{ line: order.lines[0].line, quantity: 1, restock: true }],
    reason: 'One glass was chipped',
  });
  const sales = await until('the refund in the figures', async () => {
    const now = await api('GET', `/v1/broadcasts/${demo.broadcast}/sales`, demo.tokens.seller);
    return now.refunds >= price / 2 && now.declined >= 1 && now;
  });
  const last = await figures();

  await page.evaluate(() => localStorage.clear());
  const arabic = await phone(chrome, { locale: 'ar' });
  await arabic.goto(`${origin}/b/${demo.broadcast}`);
  await until('a picture', () => arabic.evaluate(() => eye.frames.length > 10), patience);
  await api('PUT', `/v1/broadcasts/${demo.broadcast}/pins/${demo.product}`, demo.tokens.creator, {});
  const card = arabic.locator(`[data-pin][data-product="${demo.product}"]`);
  await card.waitFor({ timeout: patience });
  await card.getByRole('button').click();
  const sheet = arabic.getByRole('dialog');
  await sheet.waitFor();
  const rtl = await arabic.evaluate(() => {
    const card = document.querySelector('[data-pin]');
    const button = card.querySelector('button').getBoundingClientRect();
    const picture = card.querySelector('img, .picture').getBoundingClientRect();
    return {
      dir: document.documentElement.dir,
      lang: document.documentElement.lang,
      buttonLeftOfPicture: button.left < picture.left,
      overflow: document.documentElement.scrollWidth > innerWidth,
      text: document.querySelector('[role=dialog]').innerText,
    };
  });
  await api('DELETE', `/v1/broadcasts/${demo.broadcast}/pins/${demo.product}`, demo.tokens.creator);
  rtl.arabicLetters = (rtl.text.match(/[\u0600-\u06ff]/g) ?? []).length;
  // What people typed (names of products, variants) stays as it is; the page's own words are Arabic.
  delete rtl.text;
  return {
    price,
    delay,
    gmv: after.gmv - before.gmv,
    units: after.units - before.units,
    ordersAfterDecline: last.orders - before.orders,
    gmvAfterRefund: last.gmv - before.gmv,
    declined: declined.state,
    refunded: refund.amount,
    sales: { gmv: sales.gmv, net: sales.net, refunds: sales.refunds },
    rtl,
    faults: [...page.faults, ...arabic.faults],
  };
});

async function buy(instrument, quantity) {
  return api(
    'POST',
    '/v1/checkout',
    demo.tokens.viewer,
    { lines: [{ variant: demo.variant, quantity }], broadcast: demo.broadcast, instrument },
    { 'idempotency-key': crypto.randomUUID() },
  );
}

function cents(text) {
  return Math.round(Number(text.replace(/[^\d.]/g, '')) * 100);
}
