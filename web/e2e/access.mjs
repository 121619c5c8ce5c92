// A show that is not for everybody, in the pages: the creator says in the studio whom it is for and gives a link out; a
// stranger is told what opens it; who follows, or has the link, watches, winds back and is out when that is taken back; and
// the recording is for the same people. Arguments: the broadcast, which is on air.
import { api, demo, origin, patience, phone, run, signIn, until } from './lib.mjs';

const [broadcast] = process.argv.slice(3);
const path = `/v1/broadcasts/${broadcast}`;
const address = `${origin}/b/${broadcast}`;

/** moving waits for so many pictures from now on. */
async function moving(page, count = 30, timeout = patience) {
  const mark = await page.evaluate(() => eye.count);
  await until('a moving picture', () => page.evaluate((to) => eye.count > to, mark + count), timeout);
}

/** out waits until a page plays nothing and says why, and returns how long that took. */
async function out(page, words) {
  const began = Date.now();
  await page.getByText(words).waitFor({ timeout: patience });
  return Date.now() - began;
}

await run(async (chrome) => {
  const result = {};
  const studio = await phone(chrome, { width: 1280, height: 900 });
  await signIn(studio, 'creator');
  await studio.goto(`${origin}/studio/b/${broadcast}`);
  const audience = studio.locator('[data-audience]');
  const who = audience.getByLabel('Who may watch');
  const open = async (to) => {
    await who.selectOption(to);
    await until('it to hold', async () => (await api('GET', path, demo.tokens.creator)).access === to);
  };
  await open('followers');

  // A stranger is told whom it is for, and how to become one of them.
  const stranger = await phone(chrome);
  await stranger.goto(address);
  await stranger.getByText(/^This show is for those who follow/).waitFor({ timeout: patience });
  result.signIn = await stranger.getByRole('link', { name: 'Sign in to follow' }).getAttribute('href');
  result.strangerSaw = await stranger.evaluate(() => eye.count);

  // Somebody with an account follows, and watches.
  const friend = await phone(chrome);
  await signIn(friend, 'viewer');
  await friend.goto(address);
  await friend.getByRole('button', { name: /^Follow / }).click();
  await until('the page to play', () => friend.evaluate(() => eye.count > 0).catch(() => false), patience);
  await moving(friend);
  result.friend = await friend.evaluate(() => document.querySelector('video').dataset.transport);
  // It can be wound back with the same leave.
  const back = friend.getByRole('button', { name: 'Go back 15 seconds' });
  await back.waitFor({ timeout: patience });
  await back.click();
  await until('pictures of then', () => friend.evaluate(() => eye.frames.at(-1).transport === 'hls'), patience);
  await moving(friend);
  await friend.getByRole('button', { name: 'Go to live' }).click();
  await until('live pictures', () => friend.evaluate(() => eye.frames.at(-1).transport === 'whep'), patience);

  // From now on it needs a link: who only follows is out, and told.
  await who.selectOption('token');
  result.closed_ms = await out(friend, 'It needs the link that its host gives out. Ask them for one.');
  await audience.getByLabel('Name of the link').fill('press');
  await audience.getByRole('button', { name: 'Make a link for a week' }).click();
  const link = await until('the link', async () => {
    const shown = await audience.evaluate((panel) => {
      const values = [...panel.querySelectorAll('input')].map((input) => input.value);
      return [panel.textContent, ...values].map((text) => /https?:\S+\?token=[\w-]+/.exec(text)?.[0]).find(Boolean);
    });
    if (!shown)
      await audience
        .getByRole('button', { name: /show/i })
        .first()
        .click()
        .catch(() => {});
    return shown;
  });
  const press = await phone(chrome);
  await press.goto(link);
  await until('the page to play', () => press.evaluate(() => eye.count > 0), patience);
  await moving(press);
  await audience.getByRole('button', { name: 'Revoke' }).click();
  result.revoked_ms = await out(press, 'It needs the link that its host gives out. Ask them for one.');

  // The recording is for the same people as the show was.
  await open('followers');
  await api('POST', `${path}/end`, demo.tokens.creator, {});
  await friend.goto(address);
  await until(
    'the recording to play',
    () => friend.evaluate(() => document.querySelector('.replay-bar') !== null && eye.count > 0).catch(() => false),
    patience,
  );
  await moving(friend);
  await stranger.reload();
  await stranger.getByText(/^This show is for those who follow/).waitFor({ timeout: patience });
  await api('DELETE', `/v1/channels/${demo.channel}/follow`, demo.tokens.viewer);
  return { ...result, faults: [...stranger.faults, ...friend.faults, ...press.faults, ...studio.faults] };
});
