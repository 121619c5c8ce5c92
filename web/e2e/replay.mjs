// A viewer opens a show that is over, by its address: the recording plays at once, each pin lies on its own frames, and
// moving the bar shows what lay there. Arguments: the broadcast, and a pin's product, first frame and end (µs), and the channel.
import { origin, patience, phone, run, signIn, until } from './lib.mjs';

const [broadcast, product, from, end, channel] = process.argv.slice(3);
const second = 1e6;

await run(async (chrome) => {
  const page = await phone(chrome);
  const began = Date.now();
  await page.goto(`${origin}/b/${broadcast}`);
  const playing = () =>
    page.evaluate(() => {
      document.querySelector('.slate .button-accent[type=button]')?.click(); // it has ended this very moment: watch again
      const playing = document.querySelector('video')?.dataset.state === 'playing';
      return playing && document.querySelector('.replay-bar') !== null;
    });
  await until('the recording to play', playing, patience);
  const startMS = Date.now() - began;
  const pinned = () =>
    page.evaluate((product) => document.querySelector(`.pin[data-product="${product}"]`) !== null, product);
  const seek = (seconds) =>
    page.evaluate((seconds) => {
      const bar = document.querySelector('.replay-bar input');
      bar.value = String(seconds);
      bar.dispatchEvent(new Event('input', { bubbles: true }));
    }, seconds);
  const seen = {};
  await until(
    'the bar',
    () => page.evaluate(() => Number(document.querySelector('.replay-bar input')?.max) > 0),
    patience,
  );
  // A bar is moved on a picture that stands still: what is looked for does not play on meanwhile.
  await page.evaluate(() => document.querySelector('video').pause());
  const look = async (name, at, wanted) => {
    await seek(at / second);
    seen[name] = Boolean(
      await until(
        `the card ${wanted ? 'to be there' : 'to be away'} ${name}`,
        async () => (await pinned()) === wanted,
        patience,
      ),
    );
  };
  await look('in the middle', (Number(from) + Number(end)) / 2, true);
  // The deal of then is shown as what it was, beside the pin of its product, with nothing to buy in it.
  const deal = await page.evaluate(() => {
    const cards = [...document.querySelectorAll('.deal')];
    return cards.map((card) => [
      card.dataset.state,
      card.querySelector('.deal-line').innerText,
      card.querySelector('button'),
    ]);
  });
  await look('after it', Number(end) + 0.3 * second, false);
  await look('back in the middle', (Number(from) + Number(end)) / 2, true);
  await page.evaluate(() => document.querySelector('video').play());
  // From here it plays on over the end of the pin by itself.
  await until('the card to go on its frame', async () => !(await pinned()), patience);
  const goneAt = await page.evaluate(() => document.querySelector('video').currentTime);
  // To the end, over the place where the encoder was away.
  await page.evaluate(() => (document.querySelector('video').playbackRate = 4));
  const over = await until('the end', () => page.evaluate(() => document.querySelector('video').ended), patience);
  const transport = await page.evaluate(() => document.querySelector('video').dataset.transport);
  const length = await page.evaluate(() => document.querySelector('video').duration);
  // Its creator deletes the recording: it is held down, and then nothing is left to cut.
  const creator = await phone(chrome);
  await signIn(creator, 'creator');
  await creator.goto(`${origin}/studio/recordings/${channel}`);
  await creator.locator(`[data-show="${broadcast}"]`).click();
  const hold = creator.getByRole('dialog').locator('.hold');
  await hold.hover();
  await creator.mouse.down();
  await creator.getByText('Nothing is recorded of this show.').waitFor({ timeout: patience });
  await creator.mouse.up();
  return {
    start_ms: startMS,
    seen,
    deal,
    gone_at: goneAt,
    over: Boolean(over),
    transport,
    length,
    faults: [...page.faults, ...creator.faults],
  };
});
