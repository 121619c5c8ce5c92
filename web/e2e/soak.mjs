// A long show whose publisher comes anew each minute, watched over WebRTC and over LL-HLS in a browser and by a client of
// playlists. Each minute is a line of docs/evidence/soak.csv: no freeze longer than the gap, dates that never go back,
// memory that stays. node web/e2e/soak.mjs <ready file> [minutes]
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { api, deadMedia, demo, origin, phone, ready, run, until } from './lib.mjs';

const minutes = Number(process.argv[3] ?? 30);
const file = 'docs/evidence/soak.csv';
const [length, pause] = [57_000, 3_000];
const slack = 2_500; // beyond the gap: the encoder's start, the key picture, the player's own buffer
if (!existsSync(file)) {
  appendFileSync(
    file,
    'date,commit,minute,gap_ms,whep_freeze_ms,hls_freeze_ms,segments,discontinuities,dates_wrong,rss_mb,goroutines,result\n',
  );
}
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** publish starts an encoder and returns it. */
function publish() {
  const args =
    '-v error -re -f lavfi -i testsrc2=s=360x640:r=30 -f lavfi -i sine=f=330:r=48000 -c:v libx264 -preset ultrafast';
  const more = '-tune zerolatency -g 60 -b:v 800k -pix_fmt yuv420p -c:a aac -b:a 64k -f flv';
  return spawn('ffmpeg', [...`${args} ${more}`.split(' '), `rtmp://${ready.rtmp}/live/${demo.stream_key}`], {
    stdio: 'ignore',
  });
}

async function gone(encoder) {
  const end = new Promise((done) => encoder.once('exit', done));
  encoder.kill('SIGKILL');
  await end;
}

/** lists follows the playlist with blocked reloads and judges its numbers and dates. */
class Lists {
  constructor(base) {
    this.base = base;
    this.known = new Map();
    this.wrong = 0;
    this.discontinuities = 0;
    this.newest = -1;
    this.stopped = false;
  }

  async run() {
    let query = '';
    while (!this.stopped) {
      const response = await fetch(`${this.base}/main.m3u8${query}`).catch(() => undefined);
      if (!response?.ok) {
        query = '';
        await wait(500);
        continue;
      }
      query = this.judge(await response.text());
    }
  }

  judge(text) {
    const sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)[1]);
    let [number, date, fresh, parts] = [sequence, NaN, false, 0];
    let before;
    for (const line of text.split('\n')) {
      if (line === '#EXT-X-DISCONTINUITY') fresh = true;
      else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) date = Date.parse(line.slice(25));
      else if (line.startsWith('#EXT-X-PART:')) parts++;
      else if (line.startsWith('#EXTINF:')) {
        const seconds = parseFloat(line.slice(8));
        const off = before ? date - before.date - before.seconds * 1000 : 0;
        if (before && (fresh ? off < -50 : Math.abs(off) > 3)) this.wrong++;
        const old = this.known.get(number);
        if (old ? old !== date : number <= this.newest) this.wrong++;
        if (!old && fresh) this.discontinuities++;
        this.known.set(number, date);
        this.newest = Math.max(this.newest, number);
        before = { date, seconds };
        number++;
        [fresh, parts] = [false, 0];
      }
    }
    for (const key of this.known.keys()) if (key < sequence - 10) this.known.delete(key);
    return `?_HLS_msn=${number}&_HLS_part=${parts}`;
  }
}

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

const resident = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process.env.SERVER}/status`, 'utf8'))[1]) / 1024;

async function goroutines() {
  const text = await (await fetch(`http://${ready.metrics}/metrics`)).text();
  return Number(/^go_goroutines (\d+)/m.exec(text)[1]);
}

async function viewer(chrome, broadcast, transport) {
  const page = await phone(chrome);
  if (transport === 'hls') await deadMedia(page);
  await page.goto(`${origin}/b/${broadcast}`);
  const shown = () =>
    page.evaluate((kind) => eye.frames.length > 30 && eye.frames.at(-1).transport === kind, transport);
  await until(`a picture over ${transport}`, shown, 40_000);
  await freeze(page);
  return page;
}

await run(async (chrome) => {
  const { id } = await api('POST', `/v1/channels/${demo.channel}/broadcasts`, demo.tokens.creator, { title: 'Soak' });
  let encoder = publish();
  const lists = new Lists(`${origin}/hls/${id}`);
  const listing = lists.run();
  const result = { minutes: 0, bad: 0, rss: [] };
  try {
    const pages = { whep: await viewer(chrome, id, 'whep'), hls: await viewer(chrome, id, 'hls') };
    for (let minute = 1; minute <= minutes; minute++) {
      await wait(length / 2);
      const left = Date.now();
      await gone(encoder);
      await wait(pause);
      encoder = publish();
      const seen = lists.discontinuities;
      await until('the publisher to be back', () => lists.discontinuities > seen, 30_000);
      const gap = Date.now() - left;
      await wait(length / 2);
      const [whep, hls, wrong] = [await freeze(pages.whep), await freeze(pages.hls), lists.wrong];
      const rss = resident();
      result.rss.push(Math.round(rss));
      const bad = whep > gap + slack || hls > gap + slack || wrong > 0;
      result.minutes = minute;
      result.bad += bad ? 1 : 0;
      const line = [
        new Date().toISOString(),
        process.env.COMMIT ?? 'unknown',
        minute,
        gap,
        whep,
        hls,
        lists.newest,
        lists.discontinuities,
        wrong,
      ];
      appendFileSync(file, `${[...line, rss.toFixed(1), await goroutines(), bad ? 'bad' : 'ok'].join(',')}\n`);
      console.error(
        `minute ${minute}: gap ${gap} ms, freezes ${whep} and ${hls} ms, ${wrong} dates wrong, ${rss.toFixed(0)} MB`,
      );
    }
  } finally {
    lists.stopped = true;
    await gone(encoder);
    await listing;
  }
  const third = Math.floor(result.rss.length / 3);
  const mean = (some) => some.reduce((a, b) => a + b, 0) / some.length;
  // The first third fills rings, windows and caches.
  result.grown = third > 2 ? mean(result.rss.slice(-third)) / mean(result.rss.slice(third, 2 * third)) : 1;
  if (result.bad > 0 || result.grown > 1.1) throw new Error(JSON.stringify(result));
  return result;
});
