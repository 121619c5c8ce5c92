// Publishers of one broadcast change under the eyes of two viewers, over WebRTC and LL-HLS: from protocol to protocol, or
// (republish) the same key again and again, half of the times after the one before was frozen. The first has no sound. Each
// change is a line of docs/evidence/handover.csv. node web/e2e/handover.mjs <ready file> [handover|republish] [changes]
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { api, deadMedia, demo, heard, origin, patience, phone, run, until } from './lib.mjs';
import { publish, publishers, show } from './publishers.mjs';

const mode = process.argv[3] ?? 'handover';
const changes = Number(process.argv[4] ?? (mode === 'handover' ? 20 : 100));
const most = mode === 'handover' ? 1500 : 3000; // milliseconds without a new picture
const file = 'docs/evidence/handover.csv';
if (!existsSync(file)) {
  appendFileSync(
    file,
    'date,commit,mode,change,from,to,whep_freeze_ms,hls_freeze_ms,whep_sessions,hls_starts,ghosts,result\n',
  );
}
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** freeze is the longest time without a new picture since the last question. */
const freeze = (page) =>
  page.evaluate(() => {
    const times = eye.frames.map((frame) => frame.at).filter((at) => at > (eye.asked ?? 0));
    let longest = 0;
    let last = eye.asked ?? times[0];
    for (const at of [...times, performance.now()]) {
      longest = Math.max(longest, at - last);
      last = at;
    }
    eye.asked = times.at(-1) ?? eye.asked;
    return Math.round(longest);
  });

async function viewer(chrome, broadcast, transport) {
  const page = await phone(chrome);
  const opened = { page, sessions: 0 };
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (transport === 'whep' ? pathname === `/whep/${broadcast}` : pathname.endsWith('/index.m3u8')) {
      if (transport === 'hls' || request.method() === 'POST') opened.sessions++;
    }
  });
  if (transport === 'hls') await deadMedia(page);
  await page.goto(`${origin}/b/${broadcast}`);
  const shown = () =>
    page.evaluate((kind) => eye.frames.length > 30 && eye.frames.at(-1).transport === kind, transport);
  await until(`a picture over ${transport}`, shown, 40_000);
  await freeze(page);
  opened.began = opened.sessions;
  return opened;
}

/** onAir waits until the newest publisher is shown, by a tap in the studio where it stands by. */
async function onAir(known) {
  let tapped = false;
  await until(
    'the new publisher to be shown',
    async () => {
      const fresh = (await publishers()).find((one) => !known.has(one.id) && one.broadcast);
      if (fresh?.standby && !tapped) {
        tapped = true;
        await show(fresh.id);
      }
      return fresh && !fresh.standby;
    },
    30_000,
  );
}

/**
 * replayed plays what was recorded from its start to its end: in ffmpeg, publisher by publisher, for it takes no new
 * parameter sets on the way, and, four times as fast, in the browser.
 */
async function replayed(chrome, broadcast) {
  await api('POST', `/v1/broadcasts/${broadcast}/end`, demo.tokens.creator, {});
  const at = `${origin}/vod/${broadcast}/`;
  const fetched = async (name) => Buffer.from(await (await fetch(at + name)).arrayBuffer());
  await until('the recording', async () => (await fetch(`${at}main.m3u8`)).ok);
  const epochs = [];
  for (const line of String(await fetched('main.m3u8')).split('\n')) {
    const [, init] = line.match(/^#EXT-X-MAP:URI="([^"]+)"/) ?? [];
    if (init) epochs.push([await fetched(init)]);
    else if (line && !line.startsWith('#')) epochs.at(-1).push(await fetched(line));
  }
  // What is sent to nowhere minds times that are close together; the decoders' complaints count.
  const problems = [];
  let pictures = 0;
  for (const input of epochs.map((epoch) => Buffer.concat(epoch))) {
    const said = spawnSync(
      'ffmpeg',
      ['-v', 'error', '-stats', '-i', '-', '-fps_mode', 'passthrough', '-f', 'null', '-'],
      {
        input,
        encoding: 'utf8',
      },
    );
    pictures += Number([...said.stderr.matchAll(/frame=\s*(\d+)/g)].at(-1)?.[1] ?? 0);
    problems.push(...said.stderr.split(/[\r\n]+/).filter((line) => line && !/^frame=|^\[null @/.test(line)));
    if (said.status !== 0) problems.push(`ffmpeg ended with ${said.status}`);
  }
  const page = await phone(chrome);
  await page.goto(`${origin}/b/${broadcast}`);
  await until('the recording to play', () =>
    page.evaluate(() => {
      document.querySelector('.slate .button-accent[type=button]')?.click();
      const video = document.querySelector('video');
      if (video?.dataset.state === 'playing') video.playbackRate = 4;
      return video?.playbackRate === 4;
    }),
  );
  const seconds = await page.evaluate(() => document.querySelector('video').duration);
  const end = () => page.evaluate(() => document.querySelector('video').ended);
  await until('the end of the recording', end, patience + seconds * 1000);
  await page.evaluate((to) => (document.querySelector('video').currentTime = to), seconds - 6);
  const loudness = await heard(page);
  const complaints = [...problems.slice(0, 5), ...page.faults];
  return { seconds, pictures, epochs: epochs.length, heard: loudness, problems: complaints };
}

await run(async (chrome) => {
  const { id } = await api('POST', `/v1/channels/${demo.channel}/broadcasts`, demo.tokens.creator, {
    title: 'Handover',
  });
  const order = mode === 'handover' ? ['rtmp', 'whip', 'srt', 'rtsp'] : ['rtmp'];
  let now = await publish(chrome, order[0], 0, false);
  const live = async () => (await api('GET', `/v1/broadcasts/${id}`)).state === 'live';
  await until('the broadcast to be on air', () => live().catch(() => false), 20_000);
  const result = { changes: 0, bad: 0, worst: { whep: 0, hls: 0 } };
  try {
    const views = { whep: await viewer(chrome, id, 'whep'), hls: await viewer(chrome, id, 'hls') };
    for (let n = 1; n <= changes; n++) {
      const [from, to] = [order[(n - 1) % order.length], order[n % order.length]];
      const known = new Set((await publishers()).map((one) => one.id));
      const before = now;
      if (mode === 'republish') {
        if (n % 2) before.child.kill('SIGSTOP');
        else await before.stop();
      }
      now = await publish(chrome, to, mode === 'handover' ? n : 0);
      await onAir(known);
      await wait(mode === 'handover' ? 5000 : 3000);
      await before.stop();
      const [whep, hls] = [await freeze(views.whep.page), await freeze(views.hls.page)];
      await wait(500);
      const ghosts = (await publishers()).filter((one) => known.has(one.id)).length;
      // Over HLS a session goes on where the player loads the list of renditions anew; another transport would be a loss.
      const strayed = await views.hls.page.evaluate(() => eye.frames.at(-1).transport !== 'hls');
      const lost = views.whep.sessions - views.whep.began + (strayed ? 1 : 0);
      // A browser or SRT encoder that was killed says nothing: it may stand by for the half a minute of RFC 7675.
      const bad = whep > most || hls > most || lost > 0 || (mode === 'republish' && ghosts > 0);
      result.changes = n;
      result.bad += bad ? 1 : 0;
      result.worst = { whep: Math.max(result.worst.whep, whep), hls: Math.max(result.worst.hls, hls) };
      const line = [new Date().toISOString(), process.env.COMMIT ?? 'unknown', mode, n, from, to, whep, hls];
      appendFileSync(
        file,
        `${[...line, views.whep.sessions, views.hls.sessions, ghosts, bad ? 'bad' : 'ok'].join(',')}\n`,
      );
      console.error(
        `${mode} ${n}: ${from} to ${to}, freezes ${whep} and ${hls} ms, ${lost} sessions lost, ${ghosts} ghosts`,
      );
    }
    result.heard = await heard(views.hls.page);
  } finally {
    await now.stop();
  }
  result.replay = await replayed(chrome, id);
  const quiet = !(result.heard > 0.001 && result.replay.heard > 0.001);
  if (quiet || result.bad > 0 || result.replay.problems.length > 0) throw new Error(JSON.stringify(result));
  return result;
}, '--autoplay-policy=no-user-gesture-required');
