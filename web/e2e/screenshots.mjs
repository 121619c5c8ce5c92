// Takes the README's pictures from the running program: make screenshots. It starts the demo on free ports, lets people watch,
// pin and buy, and writes docs/screenshots/*.png.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const out = join(root, 'docs/screenshots');
const data = mkdtempSync(join(tmpdir(), 'hawker-shots-'));
const ready = join(data, 'ready.json');
const free = ['http', 'rtmp', 'srt', 'rtsp', 'webrtc', 'webrtc-ingest', 'metrics'].flatMap((door) => [
  `--${door}`,
  '127.0.0.1:0',
]);
const server = spawn(join(root, 'bin/hawker'), ['demo', '--data', join(data, 'data'), '--ready-file', ready, ...free], {
  stdio: 'ignore',
});
const stopped = new Promise((done) => server.on('exit', done));
try {
  for (let n = 0; !existsSync(ready); n++) {
    if (n > 100) throw new Error('the demo did not start');
    await new Promise((done) => setTimeout(done, 100));
  }
  process.argv[2] = ready;
  mkdirSync(out, { recursive: true });
  await take();
} finally {
  server.kill('SIGTERM');
  await stopped;
  rmSync(data, { recursive: true, force: true });
}

async function take() {
  const { api, browser, demo, origin, phone, signIn, until } = await import('./lib.mjs');
  const chrome = await browser();
  const shot = (page, name) => page.screenshot({ path: join(out, `${name}.png`) });
  const products = (await api('GET', `/v1/shops/${demo.shop}/products?limit=100`)).items;
  const pin = (product, method = 'PUT') =>
    api(
      method,
      `/v1/broadcasts/${demo.broadcast}/pins/${product.id}`,
      demo.tokens.creator,
      method === 'PUT' ? {} : undefined,
    );
  const buy = (product, quantity, instrument = demo.instrument) =>
    api(
      'POST',
      '/v1/checkout',
      demo.tokens.viewer,
      {
        lines: [{ variant: product.variants.find((one) => one.available >= quantity).id, quantity }],
        broadcast: demo.broadcast,
        instrument,
      },
      { 'idempotency-key': crypto.randomUUID() },
    );
  const playing = (page) => until('a picture', () => page.evaluate(() => eye.frames.length > 60), 40_000);
  const find = (text) => products.find((one) => one.title.startsWith(text));
  try {
    const viewer = await phone(chrome);
    await signIn(viewer, 'viewer');
    await viewer.goto(`${origin}/b/${demo.broadcast}`);
    await playing(viewer);
    await viewer
      .getByRole('button', { name: /sound/i })
      .first()
      .click()
      .catch(() => {});
    await pin(find('Linen shirt'));
    await viewer.locator('[data-pin]').waitFor();
    await viewer.waitForTimeout(1500);
    await shot(viewer, 'watch');
    await viewer.locator('[data-pin]').getByRole('button').click();
    await viewer.getByRole('dialog').getByRole('button', { name: /^Pay / }).waitFor();
    await viewer.waitForTimeout(600);
    await shot(viewer, 'buy');

    const arabic = await phone(chrome, { locale: 'ar' });
    await arabic.goto(`${origin}/b/${demo.broadcast}`);
    await playing(arabic);
    await arabic.locator('[data-pin]').waitFor();
    await arabic.waitForTimeout(1500);
    await shot(arabic, 'watch-arabic');
    await arabic.close();

    // A few minutes of sales, so that the chart has something to show.
    for (const [title, quantity] of [
      ['Linen shirt', 2],
      ['Tea glasses', 3],
      ['Brass lantern', 1],
      ['Olive oil', 2],
    ])
      await buy(find(title), quantity);
    await viewer.waitForTimeout(61_000);
    await pin(find('Linen shirt'), 'DELETE');
    await pin(find('Tea glasses'));
    for (const [title, quantity] of [
      ['Tea glasses', 5],
      ['Tea glasses', 1],
      ['Silk scarf', 1],
      ['Clay vase', 1],
    ])
      await buy(find(title), quantity);
    await buy(find('Wool throw'), 1, 'sandbox_declined');

    const seller = await phone(chrome, { width: 1280, height: 900 });
    await signIn(seller, 'seller');
    await seller.goto(`${origin}/seller`);
    await seller.locator('canvas').first().waitFor({ timeout: 30_000 });
    await seller.waitForTimeout(3000);
    await shot(seller, 'seller');

    const studio = await phone(chrome, { width: 1280, height: 800 });
    await signIn(studio, 'creator');
    await studio.goto(`${origin}/studio/b/${demo.broadcast}`);
    await playing(studio);
    await studio.waitForTimeout(2000);
    await shot(studio, 'studio');
  } finally {
    await chrome.close();
  }
}
