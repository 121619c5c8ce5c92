// How soon a replay has a picture, in a real browser: make replaystart. A show is recorded for a quarter of a minute and
// ended; then N (20) new people open its page, each with an empty cache. From the video element being there to its first
// picture, and from the click on the address. Appends one line to docs/evidence/replaystart.csv.
import { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { api, demo, origin, phone, ready, run, until } from './lib.mjs';
import { onAir, root } from './show.mjs';

const n = Number(process.argv[3] ?? 20);
const out = join(root, 'docs/evidence/replaystart.csv');
const header = 'date,commit,n,first_p50_ms,first_p95_ms,first_max_ms,page_p50_ms,page_p95_ms\n';

await run(async (chrome) => {
  const data = mkdtempSync(join(tmpdir(), 'hawker-replay-'));
  let show;
  try {
    show = await onAir({ facts: ready, data }, api);
    await new Promise((done) => setTimeout(done, 15_000));
  } finally {
    await show?.halt();
    rmSync(data, { recursive: true, force: true });
  }
  await api('POST', `/v1/broadcasts/${show.id}/end`, demo.tokens.creator, {});
  await until('the recording', async () => {
    const { transports } = await api('GET', `/v1/broadcasts/${show.id}`);
    return transports[0]?.url.startsWith('/vod/');
  });
  const tried = [];
  for (let k = 0; k < n; k++) {
    const page = await phone(chrome);
    await page.goto(`${origin}/b/${show.id}`);
    await until('a picture', () => page.evaluate(() => eye.firstFrameAt), 20_000);
    tried.push(await page.evaluate(() => ({ first: eye.firstFrameAt - eye.videoAt, page: eye.firstFrameAt })));
    await page.context().close();
  }
  const at = (name, share) => {
    const sorted = tried.map((one) => one[name]).sort((a, b) => a - b);
    return Math.round(sorted[Math.min(n - 1, Math.ceil(share * n) - 1)]);
  };
  const row = [
    new Date().toISOString().slice(0, 19) + 'Z',
    process.env.COMMIT ?? 'unknown',
    n,
    at('first', 0.5),
    at('first', 0.95),
    at('first', 1),
    at('page', 0.5),
    at('page', 0.95),
  ];
  if (!existsSync(out)) writeFileSync(out, header);
  appendFileSync(out, row.join(',') + '\n');
  return { first_p50_ms: row[3], first_p95_ms: row[4], first_max_ms: row[5], page_p50_ms: row[6], page_p95_ms: row[7] };
});
