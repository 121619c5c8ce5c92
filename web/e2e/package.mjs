// Somebody opens an exported video on a web site that knows nothing of us: it plays, and the product lies on its frames
// with a link to where it is sold. Argument: the site's address.
import { phone, run, until } from './lib.mjs';

const [site] = process.argv.slice(3);

await run(async (chrome) => {
  const page = await phone(chrome);
  await page.goto(site);
  await page.evaluate(() => {
    const video = document.querySelector('video');
    video.muted = true;
    return video.play();
  });
  await until('the picture', () => page.evaluate(() => document.querySelector('video').currentTime > 0.5), 15_000);
  const card = await until(
    'the card',
    () =>
      page.evaluate(() => {
        const card = document.querySelector('.card');
        return card && { product: card.dataset.product, href: card.href, text: card.textContent };
      }),
    10_000,
  );
  await page.evaluate(() => (document.querySelector('video').playbackRate = 4));
  const over = await until('the end', () => page.evaluate(() => document.querySelector('video').ended), 20_000);
  return { ...card, over, faults: page.faults };
});
