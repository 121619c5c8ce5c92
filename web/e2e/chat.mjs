// Two viewers and a moderator beside one show: what one says the other reads; a word that may be chance waits and is
// approved; a line lies over the picture; who is muted reads so, and who is banned is out and stays out, also by a new
// visit. Argument: an ended broadcast whose recording must show its chat on its frames, or none.
import { api, demo, origin, patience, phone, run, signIn, until } from './lib.mjs';

const show = demo.broadcast;

await run(async (chrome) => {
  const result = {};
  const reader = await phone(chrome);
  await signIn(reader, 'viewer');
  const speaker = await phone(chrome);
  await join(speaker, 'Omar Quiet');
  const moderator = await phone(chrome, { width: 1280, height: 800 });
  await signIn(moderator, 'creator');
  await moderator.goto(`${origin}/studio/b/${show}`);
  for (const page of [reader, speaker]) await page.goto(`${origin}/b/${show}`);

  // Said is read by the other, and by the studio.
  const text = `is it <b>linen</b>? ${Date.now()}`; // markup is text like any other
  await say(speaker, text);
  await reads(reader, text);
  await reads(moderator, text);
  result.seen = true;

  // What may be a listed word by chance waits for a moderator.
  const held = 'fuc k the price is low';
  await until('the rate to allow another', () => say(speaker, held).then(() => true));
  const waiting = moderator.locator('[data-held]').filter({ hasText: held });
  await waiting.waitFor({ timeout: patience });
  result.held = (await reader.locator('.chat-over .chat-text').filter({ hasText: held }).count()) === 0;
  await waiting.getByRole('button', { name: 'Show' }).click();
  await reads(reader, held);
  result.approved = true;

  // An announcement lies over the picture.
  await moderator.getByLabel('Line over the picture').fill('Free shipping tonight');
  await moderator.getByRole('button', { name: 'Show it' }).click();
  await reader.locator('.announcement').filter({ hasText: 'Free shipping tonight' }).waitFor({ timeout: patience });
  result.announced = true;
  if (process.env.E2E_SHOTS) await shots(chrome, reader, moderator);

  // Muted: the speaker reads so.
  await choose(moderator, text, 'Mute for 10 minutes');
  await speaker.locator('.chat-barred:visible').waitFor({ timeout: patience });
  result.muted = await speaker.locator('.chat-barred:visible').innerText();

  // Banned: out at once, what they said is gone, and coming in again is refused.
  await choose(moderator, text, 'Ban');
  await speaker.getByText('This channel has banned you').first().waitFor({ timeout: patience });
  await until('the lines to go', async () => (await reader.getByText(text).count()) === 0);
  await speaker.goto(`${origin}/b/${show}`);
  await speaker.getByText('This channel has banned you').first().waitFor({ timeout: patience });
  result.banned = true;

  // What was done stands in a list, the newest first.
  const { channel } = await api('GET', `/v1/broadcasts/${show}`);
  await moderator.goto(`${origin}/studio/audit/${channel}`);
  await moderator.locator('[data-act=ban]').waitFor({ timeout: patience });
  const acts = await moderator.locator('[data-act]').evaluateAll((all) => all.map((one) => one.dataset.act));
  result.acts = acts.filter((act) => ['ban', 'mute', 'announcement.set', 'message.approved'].includes(act));

  // Hearts.
  await reader.getByRole('button', { name: /^Like/ }).click();
  await until('a like to count', async () => (await api('GET', `/v1/broadcasts/${show}/chat`)).likes > 0);
  result.liked = true;
  result.replay = process.argv[3] ? await replay(chrome, process.argv[3], process.argv[4]) : undefined;
  result.faults = [reader, speaker, moderator].flatMap((page) => page.faults);
  return result;
});

/** join signs somebody new up and in. */
async function join(page, name) {
  const who = { email: `chat-${Date.now()}@example.com`, password: 'correct horse battery', name };
  for (const path of ['/v1/accounts', '/v1/sessions']) {
    const response = await page.request.post(origin + path, {
      data: path.endsWith('accounts') ? who : { email: who.email, password: who.password },
      headers: { 'sec-fetch-site': 'same-origin', origin },
    });
    if (!response.ok()) throw new Error(`${path}: ${response.status()} ${await response.text()}`);
  }
}

async function say(page, text) {
  const input = page.locator('.room-say input');
  await input.waitFor({ timeout: patience });
  await input.fill(text);
  await input.press('Enter');
  await until('the line to be taken', async () => (await input.inputValue()) === '', patience);
}

function reads(page, text) {
  return page.locator('.chat-text:visible').filter({ hasText: text }).first().waitFor({ timeout: patience });
}

/** choose opens a line in the studio and does something to its author. */
async function choose(page, text, action) {
  await page.locator('.chat-panel .chat-item').filter({ hasText: text }).getByRole('button').first().click();
  await page.getByRole('dialog').getByRole('button', { name: action, exact: true }).click();
}

/** replay opens a show that is over and looks for what was said in it. */
async function replay(chrome, broadcast, text) {
  const page = await phone(chrome);
  await page.goto(`${origin}/b/${broadcast}`);
  await reads(page, text);
  return true;
}

async function shots(chrome, reader, moderator) {
  const dir = process.env.E2E_SHOTS;
  await reader.screenshot({ path: `${dir}/chat-phone.png` });
  await moderator.screenshot({ path: `${dir}/chat-studio.png` });
  const desk = await phone(chrome, { width: 1280, height: 800 });
  await desk.goto(`${origin}/b/${show}`);
  await desk.locator('.chat-text:visible').first().waitFor({ timeout: patience });
  await desk.screenshot({ path: `${dir}/chat-desk.png` });
  const arabic = await phone(chrome, { locale: 'ar' });
  await arabic.goto(`${origin}/b/${show}`);
  await arabic.locator('.chat-text:visible').first().waitFor({ timeout: patience });
  await arabic.screenshot({ path: `${dir}/chat-ar.png` });
}
