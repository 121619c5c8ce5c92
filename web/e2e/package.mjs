// Somebody opens an exported video on a web site that knows nothing of us: through our player, that lies in the package,
// it plays with its captions, and the product lies on its frames with a link to where it is sold; the plain page does the
// same without. Arguments: the site's address, and the language that the captions must be in.
import { patience, phone, run, until } from './lib.mjs';

const [site, said] = process.argv.slice(3);

await run(async (chrome) => {
  const page = await phone(chrome);
  const asked = new Set();
  page.on('request', (request) => asked.add(new URL(request.url()).origin));
  await page.goto(site);
  const inside = (look) => page.evaluate(`(${look})(document.querySelector('hawker-player').shadowRoot)`);
  await until('the picture', () => inside((root) => root.querySelector('video').currentTime > 0.5), patience);
  const card = await until(
    'the card',
    () =>
      inside((root) => {
        const card = root.querySelector('[data-pin]');
        return card && { product: card.dataset.product, text: card.textContent };
      }),
    patience,
  );
  const cue = said
    ? await until(
        'what is said',
        () =>
          inside((root) => {
            const track = [...root.querySelector('video').textTracks].find((one) => one.mode === 'showing');
            const cue = track?.cues?.[0];
            return cue && { text: cue.text, language: track.language, from: Math.round(cue.startTime * 1000) };
          }),
        patience,
      )
    : undefined;
  const opened = page.context().waitForEvent('page');
  await page.locator('hawker-player').locator('[data-pin] button').last().click();
  const popup = await opened;
  const href = popup.url();
  await popup.close();

  const plain = await phone(chrome);
  await plain.goto(`${site}plain.html`);
  await plain.evaluate(() => {
    const video = document.querySelector('video');
    video.muted = true;
    return video.play();
  });
  await until('the card on the plain page', () => plain.evaluate(() => !!document.querySelector('.card')), patience);
  await plain.evaluate(() => (document.querySelector('video').playbackRate = 4));
  const over = await until('the end', () => plain.evaluate(() => document.querySelector('video').ended), patience);
  return {
    ...card,
    href,
    cue,
    over,
    captions: await plain.evaluate(() =>
      [...document.querySelectorAll('track[kind=captions]')].map((one) => one.srclang),
    ),
    foreign: [...asked].filter((origin) => origin !== new URL(site).origin),
    faults: [...page.faults, ...plain.faults],
  };
});
