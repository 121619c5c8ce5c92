// <hawker-player> on somebody else's page: another origin plays the broadcast over WebRTC and over LL-HLS, and the card of
// a pin lies on its frame there too; so does a deal's, and it counts down. A set shows all that is in it, also to who has
// no pointer. The page hears what its viewers do, and may take the sale over.
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
    const set = await dressing(pages);
    const deal = await dealing(pages);
    const heard = await pages.whep.evaluate(() => heard);
    return {
      pins,
      set,
      deal,
      bytes,
      heard: [...new Set(heard.map(([type]) => type))],
      details: heard
        .filter(([type, detail]) => type !== 'state' && !detail.set)
        .every(([, detail]) => detail.product === demo.product),
      popups: pages.whep.context().pages().length - 1,
      hlsWhereNotNeeded: pages.whep.requested.some((url) => /hls-.*\.js/.test(url)),
      cookies: (await pages.whep.context().cookies()).length,
      faults: Object.values(pages).flatMap((page) => page.faults),
    };
  } finally {
    shop.close();
  }
});

/** dressing pins a set, opens it by the keyboard, buys one of its products and closes it again. */
async function dressing(pages) {
  const { items } = await api('GET', `/v1/shops/${demo.shop}/products?limit=10`, demo.tokens.creator);
  const products = items
    .filter((one) => one.state === 'active' && one.variants.some((variant) => variant.available > 0))
    .slice(0, 4);
  const wish = { name: 'Everything on the table', products: products.map((one) => one.id) };
  const { id } = await api('POST', `/v1/channels/${demo.show_channel}/sets`, demo.tokens.creator, wish);
  const at = `/v1/broadcasts/${demo.broadcast}/sets/${id}`;
  const pin = await api('PUT', at, demo.tokens.creator, {});
  const page = pages.whep;
  const player = page.locator('hawker-player');
  const card = player.locator(`[data-set="${id}"]`);
  await card.waitFor();
  await pages.hls.locator('hawker-player').locator(`[data-set="${id}"]`).waitFor();
  const said = await card.innerText();
  const told = player.locator('[aria-live]');
  await until('the set to be told to who listens', async () =>
    /: Everything on the table, /.test(await told.textContent()),
  );
  await card.getByRole('button', { name: 'See all of Everything on the table' }).focus();
  await page.keyboard.press('Enter');
  const panel = player.getByRole('dialog', { name: 'Everything on the table' });
  await panel.waitFor();
  const focused = () =>
    page.evaluate(
      () => eye.root().activeElement?.getAttribute('aria-label') ?? eye.root().activeElement?.getAttribute('role'),
    );
  const way = [await focused()];
  for (let n = 0; n < 3; n++) {
    await page.keyboard.press('Tab');
    way.push(await focused());
  }
  const about = (type) =>
    page.evaluate(
      ([type, id]) => heard.filter(([one, detail]) => one === type && detail.set === id).map(([, detail]) => detail),
      [type, id],
    );
  // Each that is in view counts once; the others once they are there.
  for (const product of products) {
    await panel.locator(`[data-product="${product.id}"]`).scrollIntoViewIfNeeded();
    await until('the impression of one of a set', async () =>
      (await about('impression')).some((one) => one.product === product.id),
    );
  }
  const second = panel.locator(`[data-product="${products[1].id}"]`);
  await second.getByRole('button', { name: /^Add / }).press('Enter');
  await second.getByRole('button', { name: /^Buy / }).press('Enter');
  const sale = await until('the sale of one of a set', async () => (await about('checkout'))[0]);
  const arabic = await page.evaluate(() => {
    document.querySelector('hawker-player').lang = 'ar';
    const panel = eye.root().querySelector('.panel');
    const [title, close] = [...panel.querySelectorAll('h2, .round')].map((one) => one.getBoundingClientRect());
    const [picture, text] = [...panel.querySelectorAll('li')].map((one) => [...one.children])[0];
    const { left: first } = picture.getBoundingClientRect();
    const fits = panel.scrollWidth <= panel.clientWidth;
    return fits && close.right <= title.right && first > text.getBoundingClientRect().left;
  });
  await page.evaluate(() => (document.querySelector('hawker-player').lang = 'en'));
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'hidden' });
  way.push(await focused());
  const figures = await until('the figures of a set', async () => {
    const sales = await api('GET', `/v1/broadcasts/${demo.broadcast}/sales`, demo.tokens.creator);
    const of = sales.pins.find((one) => one.id === pin.id);
    const sold = products.map((one) => sales.products.find((two) => two.product === one.id)?.impressions ?? 0);
    return of?.clicks >= 2 && sold.every((count) => count > 0) && { set: of.set, shown: of.impressions, sold };
  });
  await api('DELETE', at, demo.tokens.creator);
  await card.waitFor({ state: 'detached' });
  const impressions = (await about('impression')).map((one) => one.product);
  return {
    said,
    way,
    sale: { product: sale.product, pin: sale.pin, quote: sale.quote },
    wanted: { product: products[1].id, pin: pin.id },
    added: (await about('add-to-cart')).map((one) => one.product),
    impressions: impressions.length,
    each: new Set(impressions).size,
    products: products.length,
    arabic,
    figures,
  };
}

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
  const told = pages.whep.locator('hawker-player').locator('[aria-live]');
  await until('the deal to be told to who listens', async () => /^Shown now: .*, €/.test(await told.textContent()));
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
