// <hawker-player> on somebody else's page: another origin plays the broadcast over WebRTC and over LL-HLS, and the card of
// a pin lies on its frame there too; so does a deal's, and it counts down. The page hears what its viewers do, and may take
// the sale over.
import { api, deadMedia, demo, foreignPage, origin, patience, phone, run, until } from './lib.mjs';
import { change } from './pins-lib.mjs';

const listen = `globalThis.heard = [];
for (const type of ['state', 'impression', 'click', 'add-to-cart', 'checkout', 'deal'])
  document.addEventListener('hawker-' + type, (event) => {
    heard.push([type, event.detail]);
    if (type === 'checkout') event.preventDefault();
  });`;

await run(async (chrome) => {
  const shop = await foreignPage('controls autoplay cart', listen);
  try {
    const library = await fetch(`${origin}/player/v1/hawker-player.js`, { headers: { 'accept-encoding': 'br' } });
    const bytes = Number(library.headers.get('content-length'));
    const pages = {};
    for (const transport of ['whep', 'hls']) {
      const page = (pages[transport] = await phone(chrome));
      if (transport === 'hls') await deadMedia(page);
      page.requested = [];
      page.on('request', (request) => page.requested.push(request.url()));
      await page.goto(shop.url);
      await until(
        `a picture over ${transport}`,
        () => page.evaluate((kind) => eye.frames.some((f) => f.transport === kind && f.number >= 0), transport),
        patience,
      );
    }
    await Promise.all(Object.values(pages).map((page) => page.waitForTimeout(2500))); // settled playback
    const pins = [];
    for (let n = 0; n < 3; n++) {
      const on = await change(pages, 'PUT', true);
      if (n === 2) await shopping(pages.whep);
      pins.push({ on, off: await change(pages, 'DELETE', false) });
    }
    const deal = await dealing(pages);
    const heard = await pages.whep.evaluate(() => heard);
    return {
      pins,
      deal,
      bytes,
      heard: [...new Set(heard.map(([type]) => type))],
      details: heard.filter(([type]) => type !== 'state').every(([, detail]) => detail.product === demo.product),
      popups: pages.whep.context().pages().length - 1,
      hlsWhereNotNeeded: pages.whep.requested.some((url) => /hls-.*\.js/.test(url)),
      cookies: (await pages.whep.context().cookies()).length,
      faults: Object.values(pages).flatMap((page) => page.faults),
    };
  } finally {
    shop.close();
  }
});

/** dealing runs a deal from its countdown to its end, and buys at its price meanwhile. */
async function dealing(pages) {
  const at = `/v1/broadcasts/${demo.broadcast}/deals`;
  const { price } = await api('GET', `/v1/products/${demo.product}`);
  const wish = { product: demo.product, price: { ...price, amount: price.amount - 500 }, quantity: 3, countdown_s: 10 };
  const { id } = await api('POST', at, demo.tokens.creator, wish);
  const deal = await api('POST', `${at}/${id}/start`, demo.tokens.creator, {});
  const turns = (page) =>
    page.evaluate((id) => heard.filter(([type, one]) => type === 'deal' && one.deal === id).map(([, one]) => one), id);
  const turned = (state) =>
    Promise.all(
      Object.entries(pages).map(([name, page]) =>
        until(
          `the deal to be ${state} over ${name}`,
          async () => (await turns(page)).some((one) => one.state === state),
          patience,
        ),
      ),
    );
  const card = pages.whep.locator('hawker-player').locator(`[data-deal="${id}"]`);
  await turned('announced');
  const counted = [await card.locator('.time').innerText(), await card.locator('button').isDisabled()];
  await turned('open');
  const shown = await card.innerText();
  await card.locator('button').click();
  const sale = await until('the sale at the deal', () =>
    pages.whep.evaluate((id) => heard.find(([type, one]) => type === 'checkout' && one.deal === id)?.[1], id),
  );
  await api('POST', `${at}/${id}/end`, demo.tokens.creator, {});
  await turned('ended');
  const over = {};
  for (const [name, page] of Object.entries(pages)) {
    over[name] = (await turns(page)).map(({ state, media_time }) => ({ state, media_time }));
  }
  return { counted, shown, sale, opens: deal.opens, turns: over, left: await card.count() };
}

/** shopping looks at the card until that counts, and buys. */
async function shopping(page) {
  await until('an impression', () => page.evaluate(() => heard.some(([type]) => type === 'impression')));
  const card = page.locator('hawker-player').locator(`[data-product="${demo.product}"]`);
  await card.locator('button').first().click();
  await card.locator('button').last().click();
  await until('the sale', () => page.evaluate(() => heard.some(([type]) => type === 'checkout')));
}
