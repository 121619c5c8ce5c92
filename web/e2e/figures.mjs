// The player's figures in a real browser, on another origin's page with <hawker-player>: make figures. For WebRTC and for
// LL-HLS, from a show with a key picture every four seconds: the first frame after play() on a loaded page; from two
// (SETTLED) seconds after that, the age of the pictures by the number burnt into them, the lag and the sound's lead. Appends one line
// per transport to docs/evidence/player.csv. TRIALS=20 is how often each is tried.
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loop, onAir, rate, root, serve } from './show.mjs';

const trials = Number(process.env.TRIALS ?? 20);
const only = process.env.TRANSPORT;
/** Seconds. A browser lets a WebRTC picture wait for its sound by and by. */
const settled = Number(process.env.SETTLED ?? 2);
/** Three groups of pictures. */
const settledMilliseconds = 12_000;
const out = join(root, 'docs/evidence/player.csv');
const header =
  'date,commit,transport,gop_s,n,first_p50_ms,first_p95_ms,first_max_ms,frames,age_p50_ms,age_p95_ms,lag_p50_ms,lag_p95_ms,sound_ahead_p50_ms,sound_ahead_worst_ms,load\n';

const server = await serve();
process.argv[2] = server.ready;
const { api, browser, foreignPage, phone, until } = await import('./lib.mjs');
let show;
let chrome;
let shop;
try {
  show = await onAir(server, api);
  // A show has no list of segments before its first group of pictures is whole: what is measured is one that goes on.
  // Nobody asks for it over HLS meanwhile, so the first play finds what the server has made for nobody.
  await new Promise((done) => setTimeout(done, settledMilliseconds));
  shop = await foreignPage('controls', '', show.id);
  chrome = await browser();
  for (const transport of ['whep', 'hls']) {
    if (only && only !== transport) continue;
    const tried = [];
    for (let n = 0; n < trials; n++) tried.push(await trial(transport, n));
    note(transport, tried);
  }
} finally {
  await chrome?.close();
  shop?.close();
  await show?.halt();
  await server.stop();
}

/** trial opens a page, lets it load, plays, and looks for five seconds. */
async function trial(transport, n) {
  const page = await phone(chrome);
  await page.goto(shop.url);
  await page.evaluate((kind) => document.querySelector('hawker-player').setAttribute('transport', kind), transport);
  await page.waitForFunction(() => customElements.get('hawker-player'));
  // Any place in the group of pictures.
  await page.waitForTimeout(1200 + ((n * 1370) % 4000));
  const first = await page.evaluate(async () => {
    const player = document.querySelector('hawker-player');
    const video = player.shadowRoot.querySelector('video');
    const shown = new Promise((done) => video.requestVideoFrameCallback(() => done(performance.now())));
    const began = performance.now();
    player.play();
    return (await shown) - began;
  });
  await page.waitForTimeout(settled * 1000);
  const mark = await page.evaluate(() => eye.count);
  const skews = [];
  const lags = [];
  for (let look = 0; look < 6; look++) {
    await page.waitForTimeout(500);
    const figures = await page.evaluate(() => document.querySelector('hawker-player').figures());
    if (figures?.skew !== undefined) skews.push(figures.skew);
    if (figures?.lag !== undefined) lags.push(figures.lag);
  }
  const frames = await page.evaluate((from) => eye.frames.filter((frame) => frame.index >= from), mark);
  const used = [...new Set(frames.map((frame) => frame.transport))].join(' ');
  const { anchors, health } = await until('the anchors', () =>
    api('GET', `/v1/broadcasts/${show.id}`, server.facts.demo.tokens.creator),
  );
  await page.context().close();
  return {
    first,
    frames: frames.filter((frame) => frame.number >= 0),
    anchor: anchors.at(-1),
    drift: health?.drift_ms ?? 0,
    skews,
    lags,
    used,
  };
}

/**
 * age is how long ago the frame on the screen entered the server: its number tells which of the loop's frames it is. The
 * anchor is when the first frame came; drift is by how much those of now come earlier than that one would have them.
 */
function age({ number, wall }, anchor, drift) {
  const began = Date.parse(anchor.wall) - drift;
  const newest = Math.floor(((wall - began) / 1000) * rate);
  let behind = (((newest - number) % loop) + loop) % loop;
  if (behind > loop / 2) behind -= loop;
  return wall - (began + ((newest - behind) / rate) * 1000);
}

function note(transport, tried) {
  const sorted = (values) => [...values].sort((a, b) => a - b);
  const at = (values, share) => sorted(values)[Math.min(values.length - 1, Math.ceil(share * values.length) - 1)];
  const whole = (value) => (value === undefined ? '' : Math.round(value));
  const firsts = tried.map((one) => one.first);
  // The earliest that the encoder has been: what came later than that was late, not young.
  const drift = Math.max(...tried.map((one) => one.drift));
  const ages = tried.flatMap((one) => one.frames.map((frame) => age(frame, one.anchor, drift)));
  const all = (name) => tried.flatMap((one) => one[name]);
  const worst = all('skews').reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  const commit = execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD']).toString().trim();
  const row = [
    new Date().toISOString().slice(0, 19) + 'Z',
    commit,
    transport,
    4,
    tried.length,
    whole(at(firsts, 0.5)),
    whole(at(firsts, 0.95)),
    whole(Math.max(...firsts)),
    ages.length,
    whole(at(ages, 0.5)),
    whole(at(ages, 0.95)),
    whole(at(all('lags'), 0.5)),
    whole(at(all('lags'), 0.95)),
    whole(at(all('skews'), 0.5)),
    all('skews').length > 0 ? whole(worst) : '',
    readFileSync('/proc/loadavg', 'utf8').split(' ')[0],
  ].join(',');
  console.log(
    header
      .trim()
      .split(',')
      .map((name, i) => `${name} ${row.split(',')[i]}`)
      .join('; '),
  );
  console.log(
    `first frames: ${firsts.map(whole).join(' ')}; over ${[...new Set(tried.map((one) => one.used))].join(', ')}`,
  );
  if (process.env.DRY) return;
  if (!existsSync(out)) writeFileSync(out, header);
  appendFileSync(out, row + '\n');
}
