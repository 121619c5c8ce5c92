// Do viewers keep their picture during a rush? Starts the demo, publishes a phone's picture (540x960, 30 fps, 1 Mbit/s)
// by WHIP, lets 50 viewers watch over WHEP and 50 over LL-HLS while 256 connections buy as fast as they are answered,
// and appends a line to docs/evidence/rushview.csv. Two load generators that know nothing of Hawker are given by path:
// STREAMLOAD and CHECKOUTLOAD; SECONDS (20) says how long, VIEWERS (50) how many of each kind.
import { spawn, execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const { STREAMLOAD, CHECKOUTLOAD } = process.env;
const seconds = Number(process.env.SECONDS ?? 20);
const viewers = process.env.VIEWERS ?? '50';
if (!STREAMLOAD || !CHECKOUTLOAD) {
  console.error('rushview: STREAMLOAD and CHECKOUTLOAD name the load generators');
  process.exit(2);
}

const running = [];
function start(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { child, text: '', errors: '' };
  child.stdout.on('data', (b) => (out.text += b));
  child.stderr.on('data', (b) => (out.errors = (out.errors + b).slice(-4000)));
  out.ended = new Promise((done) => child.on('exit', done));
  running.push(out);
  return out;
}

async function main(dir) {
  const ready = join(dir, 'ready.json');
  const doors = ['http', 'metrics', 'rtmp', 'srt', 'rtsp', 'webrtc', 'webrtc-ingest'].flatMap((d) => [`--${d}`, '127.0.0.1:0']);
  const server = start('bin/hawker', ['demo', '--data', join(dir, 'data'), '--ready-file', ready, ...doors]);
  for (let n = 0; !existsSync(ready); n++) {
    if (n > 600 || server.child.exitCode !== null) throw new Error(`the server is not ready: ${server.errors}`);
    await sleep(50);
  }
  const { http, demo } = JSON.parse(readFileSync(ready, 'utf8'));
  const site = `http://${http}`;
  execFileSync(STREAMLOAD, ['gen'], { stdio: 'ignore' });
  start(STREAMLOAD, ['publish', '-in', join(tmpdir(), 'streamload-media', 'phone'), '-url', `${site}/whip`, '-token', demo.stream_key, '-dur', `${seconds + 60}s`]);
  let broadcast;
  for (let n = 0; !broadcast; n++) {
    if (n > 100) throw new Error('the broadcast does not go on air');
    await sleep(200);
    const { items } = await (await fetch(`${site}/v1/broadcasts?state=live`)).json();
    broadcast = items.find((b) => b.id !== demo.broadcast)?.id;
  }
  await sleep(3000);
  const watch = ['-n', viewers, '-dur', `${seconds}s`, '-pid', String(server.child.pid), '-json'];
  const whep = start(STREAMLOAD, ['whep', '-url', `${site}/whep/${broadcast}`, ...watch]);
  const hls = start(STREAMLOAD, ['hls', '-url', `${site}/hls/${broadcast}/index.m3u8`, ...watch]);
  await sleep(3000);
  const body = { lines: [{ variant: demo.variant, quantity: 1 }], instrument: demo.instrument, broadcast, buyer_ref: '%USER%' };
  const rush = start(CHECKOUTLOAD, [
    ...['-url', `${site}/v1/checkout`, '-H', 'Idempotency-Key: %KEY%', '-H', `Authorization: Bearer ${demo.tokens.integrator}`, '-H', 'Content-Type: application/json'],
    ...['-body', JSON.stringify(body), '-mode', 'closed', '-conns', '256', '-duration', `${seconds}s`, '-json', '-pid', String(server.child.pid)],
  ]);
  await Promise.all([whep.ended, hls.ended, rush.ended]);
  const read = (o) => {
    try {
      return JSON.parse(o.text);
    } catch {
      throw new Error(`no figures: ${o.text.slice(0, 500)} ${o.errors}`);
    }
  };
  return { whep: read(whep), hls: read(hls), rush: read(rush) };
}

const dir = mkdtempSync(join(tmpdir(), 'hawker-rushview-'));
try {
  const { whep, hls, rush } = await main(dir);
  const line = {
    at: new Date().toISOString(),
    commit: execFileSync('git', ['rev-parse', '--short=12', 'HEAD']).toString().trim(),
    seconds,
    viewers,
    whep_rtp_lost: whep.rtp_lost,
    whep_frames_missing_pct: whep.frames_missing.toFixed(3),
    hls_stalls: hls.stalls,
    orders_per_s: Math.round(rush.accepted_per_s),
    shed: rush.shed,
    errors: rush.errors,
    p99_ms: Math.round(rush.latency_accepted.p99_ms),
  };
  console.log(JSON.stringify({ whep, hls, rush, line }, null, process.env.VERBOSE ? 2 : 0));
  const csv = 'docs/evidence/rushview.csv';
  if (!existsSync(csv)) appendFileSync(csv, `${Object.keys(line).join(',')}\n`);
  appendFileSync(csv, `${Object.values(line).join(',')}\n`);
} finally {
  for (const { child } of running) child.kill();
  await Promise.all(running.map((r) => r.ended));
  rmSync(dir, { recursive: true, force: true });
}
