// Does hls.js hang? Run after run it plays the demo broadcast, by itself and without the player's guard, on a page that is
// kept busy; and the player's guard gets playback going again that was made to hang. Each run is a line of
// docs/evidence/hang.csv. node web/e2e/hang.mjs <ready file> [runs] [seconds each] [at once]
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { deadMedia, demo, origin, phone, run, until } from './lib.mjs';

const [runs, seconds, abreast] = [3, 4, 5].map((i, n) => Number(process.argv[i] ?? [60, 30, 3][n]));
const file = 'docs/evidence/hang.csv';
const hung = 5000; // the hang of hls.js lasts 22 s, once 5 s was seen
const library = readFileSync(new URL('../node_modules/hls.js/dist/hls.min.js', import.meta.url), 'utf8');
if (!existsSync(file)) appendFileSync(file, 'date,commit,kind,seconds,stalls,longest_ms,latency_s,hung\n');

const bare = `<!doctype html><video muted playsinline width=300></video><script>${library}</script><script>
  const video = document.querySelector('video');
  const hls = new Hls({ lowLatencyMode: true, enableWorker: false });
  window.lab = { advanced: 0, updates: 0 };
  hls.on(Hls.Events.LEVEL_UPDATED, () => lab.updates++);
  hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
  hls.loadSource('/hls/${demo.broadcast}/index.m3u8');
  hls.attachMedia(video);
</script>`;

/** still samples the playback time, and tells how often and how long it stood still. */
const still = (length) =>
  new Promise((done) => {
    const video = document.querySelector('video');
    let time = video.currentTime;
    let moved = performance.now();
    let standing = false;
    const found = { stalls: 0, longest: 0 };
    const end = moved + length;
    const look = () => {
      const now = performance.now();
      if (video.currentTime !== time) {
        time = video.currentTime;
        moved = now;
        standing = false;
      }
      found.longest = Math.max(found.longest, now - moved);
      if (now - moved > 700 && !standing) {
        standing = true;
        found.stalls++;
      }
      if (now < end) setTimeout(look, 20);
      else done(found);
    };
    look();
  });

/** busy keeps the main thread busy, in strokes as long as a part takes to append and longer. */
const busy = () => {
  let seed = 7;
  const stroke = () => {
    seed = (seed * 16807) % 2147483647;
    const end = performance.now() + 40 + (seed % 220);
    while (performance.now() < end);
    setTimeout(stroke, 30 + (seed % 170));
  };
  stroke();
};

function note(kind, found, latency) {
  const line = [
    new Date().toISOString(),
    process.env.COMMIT ?? 'unknown',
    kind,
    seconds,
    found.stalls,
    Math.round(found.longest),
  ];
  const bad = found.longest >= hung;
  appendFileSync(file, `${[...line, latency?.toFixed(2) ?? '', bad].join(',')}\n`);
  return bad;
}

async function loaded(chrome) {
  const page = await chrome.newPage({ viewport: { width: 360, height: 640 } });
  await page.route('**/lab', (route) => route.fulfill({ contentType: 'text/html', body: bare }));
  await page.goto(`${origin}/lab`);
  await until('playback', () => page.evaluate(() => document.querySelector('video').currentTime > 0), 20_000);
  await page.evaluate(busy);
  const found = await page.evaluate(still, seconds * 1000);
  const latency = await page.evaluate(() => hls.latency);
  await page.close();
  return note('loaded', found, latency);
}

/** guarded lets a part of the product's own player never come, and waits for playback to go on. */
async function guarded(chrome) {
  const page = await phone(chrome);
  await deadMedia(page);
  let held = 0;
  let hold = false;
  await page.route('**/hls/*/*_p*.m4s', (route) => {
    if (hold && held < 1)
      held++; // never answered
    else route.continue();
  });
  await page.goto(`${origin}/b/${demo.broadcast}`);
  await until(
    'a picture over HLS',
    () => page.evaluate(() => eye.frames.length > 60 && eye.frames.at(-1).transport === 'hls'),
    30_000,
  );
  hold = true;
  const found = await page.evaluate(still, 12_000);
  const latency = undefined;
  if (held !== 1) throw new Error('no part was held back');
  if (!(await page.evaluate(() => performance.now() - eye.frames.at(-1).at < 1000)))
    throw new Error('playback did not go on');
  await page.context().close();
  return note('guard', found, latency);
}

await run(async (chrome) => {
  const result = { runs: 0, hung: 0, guarded: 0, guard_failed: 0 };
  for (let n = 0; n < 2; n++) {
    result.guarded++;
    if (await guarded(chrome)) result.guard_failed++;
  }
  while (result.runs < runs) {
    const some = Math.min(abreast, runs - result.runs);
    const all = await Promise.all(Array.from({ length: some }, () => loaded(chrome)));
    result.runs += some;
    result.hung += all.filter(Boolean).length;
    console.error(`${result.runs} of ${runs} runs, ${result.hung} hung`);
  }
  if (result.hung > 0 || result.guard_failed > 0) throw new Error(JSON.stringify(result));
  return result;
});
