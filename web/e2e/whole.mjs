// A viewer watches a replay from its first picture to its last, four times as fast as it was. Argument: the broadcast.
import { origin, phone, run, until } from './lib.mjs';

const [broadcast] = process.argv.slice(3);

await run(async (chrome) => {
  const page = await phone(chrome);
  await page.goto(`${origin}/b/${broadcast}`);
  const playing = () =>
    page.evaluate(() => {
      document.querySelector('.slate .button-accent[type=button]')?.click(); // it has ended this very moment: watch again
      return (
        document.querySelector('video')?.dataset.state === 'playing' && document.querySelector('.replay-bar') !== null
      );
    });
  await until('the recording to play', playing, 20_000);
  await page.evaluate(() => (document.querySelector('video').playbackRate = 4));
  const over = await until('the end', () => page.evaluate(() => document.querySelector('video').ended), 60_000);
  return {
    over: Boolean(over),
    length: await page.evaluate(() => document.querySelector('video').duration),
    faults: page.faults,
  };
});
