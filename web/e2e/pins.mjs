// The long run of pins: make pins N=200 pins and unpins a product so many more times, and notes for each viewer by how many
// presented frames the card missed its own. Viewers watch over WebRTC and over LL-HLS, on our page and in <hawker-player> on
// another origin, with 0, 1 and 5 % of what comes lost; now and then they rejoin or seek, or the encoder is cut off. One line
// per batch and viewer is appended to docs/evidence/pins.csv; the batch that is furthest behind its share comes first, so a run
// goes on where the last one stopped. SUMMARY=1 only adds up.
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loop, onAir, rate, root, serve } from './show.mjs';

const wanted = Number(process.env.N ?? 60);
const out = join(root, 'docs/evidence/pins.csv');
const header = 'date,commit,page,transport,loss,event,n,exact,near,worse,frozen,worst_frozen_frames,errors\n';
/**
 * A batch opens its pages once and has so many rounds. In a round each of a few products' cards comes and goes, on frames of
 * their own that do not wait for one another, with up to spacing milliseconds in between.
 */
const perBatch = 10;
const atOnce = 3; // more are not pinned at a time
const spacing = [120, 520];
const events = ['none', 'rejoin', 'seek', 'publisher', 'none'];
const batches = [0, 1, 5].flatMap((loss) => ['own', 'other'].map((page) => ({ loss, page })));
/** share is how many pins are wanted without loss for each one with it. */
const share = (batch) => (batch.loss === 0 ? 10 : 3);

const noted = () =>
  existsSync(out)
    ? readFileSync(out, 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => Object.fromEntries(line.split(',').map((value, i) => [header.trim().split(',')[i], value])))
    : [];

if (process.env.SUMMARY) {
  summary();
  process.exit();
}

const server = await serve();
process.argv[2] = server.ready;
const { api, browser, demo, foreignPage, origin, phone, until } = await import('./lib.mjs');
const { mediaThrough, tcpProxy, udpProxy } = await import('./net.mjs');
const { place, told } = await import('./pins-lib.mjs');
let show;
let chrome;
let products;
try {
  show = await onAir(server, api);
  products = await several();
  chrome = await browser();
  let done = 0;
  while (done < wanted) {
    const batch = next();
    try {
      done += await run(batch, Math.min(perBatch, Math.ceil((wanted - done) / products.length)));
    } catch (error) {
      // A batch that cannot be finished is told, and the next one begins: nothing of it is noted.
      console.error(`${batch.page}, ${batch.loss} %: ${error.message}`);
      done += 1;
    }
  }
  summary();
} finally {
  await chrome?.close();
  await show?.halt();
  await server.stop();
}

/** next is the batch that is furthest behind its share, with the event that it had least often. */
function next() {
  const rows = noted();
  const count = (match) => rows.filter(match).reduce((sum, row) => sum + Number(row.n), 0);
  const of = (batch) => (row) => row.page === batch.page && Number(row.loss) === batch.loss;
  const batch = batches.reduce((a, b) => (count(of(b)) / share(b) < count(of(a)) / share(a) ? b : a));
  const had = rows.filter(of(batch)).length / 2;
  return { ...batch, event: events[Math.floor(had) % events.length], seed: 1 + rows.length };
}

/** run pins so often in front of two viewers, one per transport. */
async function run({ loss, page: kind, event, seed }, times) {
  const lost = loss / 100;
  const media = await udpProxy(Number(server.facts.webrtc.split(':').pop()), { loss: lost, seed });
  const http = await tcpProxy(Number(server.facts.http.split(':').pop()), { loss: lost, seed: seed + 1 });
  const lossy = loss > 0 ? `http://127.0.0.1:${http.port}` : origin;
  const shops = {};
  const pages = {};
  try {
    for (const transport of ['whep', 'hls']) {
      const page = (pages[transport] = await phone(chrome));
      if (transport === 'whep' && loss > 0) await mediaThrough(page, media);
      const base = transport === 'hls' ? lossy : origin;
      if (kind === 'own') page.from = `${base}/b/${show.id}?transport=${transport}`;
      else {
        shops[transport] = await foreignPage(`base="${base}" transport="${transport}" controls autoplay`, '', show.id);
        page.from = shops[transport].url;
      }
      await page.goto(page.from);
      await playing(page, transport);
    }
    await disturb(event, pages);
    await pages.hls.waitForTimeout(2000);
    const misses = { whep: [], hls: [] };
    for (let n = 0; n < times; n++) {
      const changes = [];
      for (const on of [true, false]) {
        for (const product of products) {
          changes.push(await place(pages, show.id, product, on));
          await pages.hls.waitForTimeout(spacing[0] + ((seed * 7919 + changes.length * 104_729) % spacing[1]));
        }
      }
      const came = new Map();
      for (const one of changes) {
        const number = await burnt(one.at);
        const seen = await told(pages, { ...one, came: came.get(one.product) }, 40_000);
        came.set(one.product, seen.came);
        for (const transport of ['whep', 'hls']) misses[transport].push(miss(seen.frames[transport], number));
      }
    }
    for (const transport of ['whep', 'hls']) note(kind, transport, loss, event, misses[transport]);
    return times * products.length;
  } finally {
    for (const product of products)
      await api('DELETE', `/v1/broadcasts/${show.id}/pins/${product}`, demo.tokens.creator).catch(() => {});
    for (const page of Object.values(pages)) await page.context().close();
    for (const shop of Object.values(shops)) shop.close();
    media.close();
    http.close();
  }
}

/** several are products of the show's shop. */
async function several() {
  const { shop } = await api('GET', `/v1/broadcasts/${show.id}`, demo.tokens.creator);
  const { items } = await api('GET', `/v1/shops/${shop}/products?limit=${atOnce}`, demo.tokens.creator);
  return items.map((product) => product.id);
}

function playing(page, transport) {
  return until(
    `a picture over ${transport}`,
    () =>
      page.evaluate((kind) => eye.frames.filter((f) => f.transport === kind && f.number >= 0).length > 20, transport),
    40_000,
  );
}

/** disturb has happen to the viewers what happens to viewers. */
async function disturb(event, pages) {
  if (event === 'rejoin') {
    for (const page of Object.values(pages)) await page.reload();
  } else if (event === 'seek') {
    await pages.hls.evaluate(() => void (eye.video.currentTime -= 1.5));
  } else if (event === 'publisher') {
    await show.restart(1500);
    for (const page of Object.values(pages)) await page.evaluate(() => void (eye.frames.length = 0));
  } else return;
  for (const [transport, page] of Object.entries(pages)) await playing(page, transport);
}

/** burnt is the number within the loop of the frame that a media time belongs to; an encoder begins at number 0. */
async function burnt(at) {
  const { anchors } = await api('GET', `/v1/broadcasts/${show.id}`, demo.tokens.creator);
  const anchor = anchors.filter((one) => one.media_time <= at + 1e6 / rate / 2).at(-1) ?? anchors[0];
  return Math.floor(((at - anchor.media_time) / 1e6) * rate + 0.5) % loop;
}

/**
 * miss tells by how many presented frames the card missed the first one at or after its own; and, where its own was never
 * shown, how many frames later that first one was.
 */
function miss(frames, number) {
  const readable = frames.filter((frame) => frame[0] >= 0);
  const after = (frame) => (frame[0] - number + loop) % loop;
  const due = readable.findIndex((frame) => after(frame) < loop / 2);
  const came = readable.findIndex((frame) => frame[1] === 1);
  return { error: came - due, frozen: due < 0 ? 0 : after(readable[due]) };
}

function note(page, transport, loss, event, misses) {
  const commit = execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD']).toString().trim();
  const errors = misses.map((one) => one.error).filter((error) => error !== 0);
  const row = [
    new Date().toISOString().slice(0, 19) + 'Z',
    commit,
    page,
    transport,
    loss,
    event,
    misses.length,
    misses.length - errors.length,
    errors.filter((error) => Math.abs(error) === 1).length,
    errors.filter((error) => Math.abs(error) > 1).length,
    misses.filter((one) => one.frozen > 0).length,
    Math.max(0, ...misses.map((one) => one.frozen)),
    errors.join(' '),
  ].join(',');
  console.log(row);
  if (!existsSync(out)) writeFileSync(out, header);
  appendFileSync(out, row + '\n');
}

/** summary adds up what is noted. */
function summary() {
  console.log('transport  loss  pins   exact      p99  late because frozen');
  for (const transport of ['whep', 'hls']) {
    for (const loss of [0, 1, 5]) {
      const rows = noted().filter((row) => row.transport === transport && Number(row.loss) === loss);
      const sum = (name) => rows.reduce((total, row) => total + Number(row[name]), 0);
      const n = sum('n');
      if (n === 0) continue;
      const errors = rows.flatMap((row) => row.errors.split(' ').filter(Boolean).map(Number).map(Math.abs));
      const all = [...errors, ...Array(n - errors.length).fill(0)].sort((a, b) => a - b);
      const share = ((100 * sum('exact')) / n).toFixed(2);
      const p99 = all[Math.ceil(0.99 * n) - 1];
      console.log(
        `${transport.padEnd(9)} ${String(loss).padStart(4)} % ${String(n).padStart(5)} ${share.padStart(6)} % ${String(p99).padStart(6)}  ${sum('frozen')}`,
      );
    }
  }
}
