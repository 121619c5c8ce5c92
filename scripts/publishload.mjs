// What does a publisher cost that nobody watches? Starts the demo on core 0, makes PUBLISHERS (200) channels, lets one
// generator on core 1 play a clip of 1 Mbit/s into all of them, with recording off and then on, and appends a line each
// to docs/evidence/publishers.csv: CPU of the server per second and publisher, its memory, what was lost. PEER is
// the command of another RTMP server that lets anybody publish at rtmp://127.0.0.1:1935/live/NAME: it takes the same crowd
// between the two. SECONDS (30) says how long each is measured. Needs taskset and, for the clip, ffmpeg.
import { spawn, execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const publishers = Number(process.env.PUBLISHERS ?? 200);
const seconds = Number(process.env.SECONDS ?? 30);
const rates = { before: 5, settle: 5 };
const perShop = 100;
const [serverCore, loadCore] = ['0', String(Math.min(1, cpus().length - 1))];

const running = new Set();
function start(program, args, options = {}) {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  const out = { child, text: '', errors: '' };
  child.stdout.on('data', (b) => (out.text = (out.text + b).slice(-100_000)));
  child.stderr.on('data', (b) => (out.errors = (out.errors + b).slice(-4000)));
  out.ended = new Promise((done) => child.on('exit', done));
  running.add(out);
  return out;
}

async function stop(one) {
  one.child.kill('SIGTERM');
  const late = setTimeout(() => one.child.kill('SIGKILL'), 20_000);
  await one.ended;
  clearTimeout(late);
  running.delete(one);
}

/** pinned starts a server on its core; the process that taskset becomes is the server. */
const pinned = (program, args, options) => start('taskset', ['-c', serverCore, program, ...args], options);

/** processor is the time in seconds that a process has used, and its memory in MB. */
function processor(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const used = (Number(fields[11]) + Number(fields[12])) / 100;
  const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
  return { used, memory };
}

async function until(what, holds, within = 60_000) {
  for (const end = Date.now() + within; ;) {
    const got = await Promise.resolve(holds()).catch(() => false);
    if (got) return got;
    if (Date.now() > end) throw new Error(`${what}: not within ${within / 1000} s`);
    await sleep(100);
  }
}

async function call(site, path, token, body) {
  const answer = await fetch(site + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify(body ?? {}),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** channels makes as many as there are publishers, and returns their stream keys. */
async function channels(site) {
  const login = {
    email: 'load@example.com',
    password: 'correct horse battery staple',
  };
  await call(site, '/v1/accounts', '', { ...login, name: 'Load' });
  const { token } = await call(site, '/v1/sessions', '', login);
  const keys = [];
  let shop;
  for (let n = 0; n < publishers; n++) {
    if (n % perShop === 0)
      shop = await call(site, '/v1/shops', token, {
        name: `Load ${n}`,
        currency: 'EUR',
        time_zone: 'UTC',
        locale: 'en',
      });
    const channel = await call(site, `/v1/shops/${shop.id}/channels`, token, {
      name: `Load ${n}`,
      handle: `load-${n}`,
    });
    keys.push((await call(site, `/v1/channels/${channel.id}/stream-key`, token)).stream_key);
  }
  return keys;
}

/** measure lets the crowd publish and looks at the server from when all are there. */
async function measure(dir, pid, url, names) {
  const idle = { ...processor(pid), at: performance.now() };
  await sleep(rates.before * 1000);
  const begin = { ...processor(pid), at: performance.now() };
  const ramp = 10;
  const args = ['-clip', join(dir, 'clip.flv'), '-url', url, '-n', String(publishers), '-ramp', `${ramp}s`];
  args.push('-for', `${seconds + 2 * rates.settle}s`, ...(names ? ['-names', names] : []));
  const load = start('taskset', ['-c', loadCore, join(dir, 'publishload'), ...args]);
  await sleep((ramp + rates.settle) * 1000);
  const from = {
    ...processor(pid),
    at: performance.now(),
    load: processor(load.child.pid).used,
  };
  await sleep(seconds * 1000);
  const to = {
    ...processor(pid),
    at: performance.now(),
    load: processor(load.child.pid).used,
  };
  await load.ended;
  running.delete(load);
  let said;
  try {
    said = JSON.parse(load.text);
  } catch {
    throw new Error(`the generator: ${load.errors || load.text}`);
  }
  const took = (to.at - from.at) / 1000;
  const cost = (to.used - from.used) / took;
  return {
    publishers: said.publishers,
    bits_per_second_each: said.bits_per_second_each,
    seconds: took.toFixed(1),
    core_pct: (cost * 100).toFixed(1),
    idle_core_pct: ((100_000 * (begin.used - idle.used)) / (begin.at - idle.at)).toFixed(1), // with the demo show, where there is one
    us_per_s_per_publisher: Math.round((cost * 1e6) / publishers),
    generator_core_pct: (((to.load - from.load) / took) * 100).toFixed(1),
    rss_mb: Math.round(to.memory),
    rss_idle_mb: Math.round(idle.memory),
    lost: said.lost,
    late: said.late,
    worst_ms: said.worst_ms,
    pictures_sent: said.pictures,
    why: said.why,
  };
}

async function hawker(dir, recording) {
  const data = join(dir, recording ? 'recording' : 'plain');
  const ready = `${data}.json`;
  const doors = ['http', 'metrics', 'rtmp', 'srt', 'rtsp', 'webrtc', 'webrtc-ingest'].flatMap((d) => [
    `--${d}`,
    '127.0.0.1:0',
  ]);
  const server = pinned('bin/hawker', [
    'demo',
    '--data',
    data,
    '--ready-file',
    ready,
    '--log.level',
    'warn',
    `--recording=${recording}`,
    ...doors,
  ]);
  await until('the server is ready', () => existsSync(ready) && statSync(ready).size > 0);
  const { http, rtmp, metrics } = JSON.parse(readFileSync(ready, 'utf8'));
  const names = `${data}.keys`;
  writeFileSync(names, (await channels(`http://${http}`)).join('\n'), {
    mode: 0o600,
  });
  const figure = async (name) => {
    const page = await (await fetch(`http://${metrics}/metrics`)).text();
    return page
      .split('\n')
      .filter((l) => l.startsWith(`${name}{`))
      .reduce((n, l) => n + Number(l.slice(l.lastIndexOf(' '))), 0);
  };
  await sleep(3000); // what making the channels began is over
  const restarts = await figure('hawker_ingest_restarts_total');
  const out = await measure(dir, server.child.pid, `rtmp://${rtmp}/live/%KEY%`, names);
  out.server_dropped =
    (await figure('hawker_ingest_dropped_total')) + (await figure('hawker_ingest_restarts_total')) - restarts;
  await stop(server);
  return { server: recording ? 'hawker, recording' : 'hawker', ...out };
}

/** answers tells whether somebody listens on a port of this machine. */
const answers = (port) =>
  new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => (socket.destroy(), done(true)));
    socket.on('error', () => done(false));
  });

async function peer(dir, command) {
  const [program, ...args] = command.split(' ');
  const server = pinned(program, args, { cwd: dirname(program) });
  await until('the peer to listen', async () => (await answers(1935)) || server.child.exitCode !== null);
  if (server.child.exitCode !== null || server.child.signalCode !== null)
    throw new Error(`the peer: ${server.errors || server.text}`);
  const out = await measure(dir, server.child.pid, 'rtmp://127.0.0.1:1935/live/%KEY%');
  await stop(server);
  return {
    server: process.env.PEER_NAME ?? 'peer',
    ...out,
    server_dropped: '',
  };
}

const dir = mkdtempSync(join(tmpdir(), 'hawker-publishload-'));
const csv = 'docs/evidence/publishers.csv';
try {
  execFileSync('go', ['build', '-o', join(dir, 'publishload'), './cmd/publishload'], { stdio: 'inherit' });
  const film =
    '-v error -f lavfi -i testsrc2=s=640x360:r=30:d=16 -f lavfi -i sine=f=330:r=48000:d=16 -c:v libx264 -preset veryfast -profile:v main -bf 0 -g 60 -keyint_min 60 -sc_threshold 0 -b:v 930k -minrate 930k -maxrate 930k -bufsize 930k -x264-params nal-hrd=cbr -pix_fmt yuv420p -c:a aac -b:a 64k -f flv';
  execFileSync('ffmpeg', [...film.split(' '), join(dir, 'clip.flv')], {
    stdio: 'inherit',
  });
  const commit = execFileSync('git', ['rev-parse', '--short=12', 'HEAD']).toString().trim();
  const runs = [
    () => hawker(dir, false),
    ...(process.env.PEER ? [() => peer(dir, process.env.PEER)] : []),
    () => hawker(dir, true),
  ];
  for (const one of runs) {
    const { server, ...rest } = await one();
    const line = {
      at: new Date().toISOString(),
      commit,
      server,
      asked: publishers,
      ...rest,
    };
    const { why, ...kept } = line;
    console.log(JSON.stringify(line));
    if (!existsSync(csv)) appendFileSync(csv, `${Object.keys(kept).join(',')}\n`);
    appendFileSync(
      csv,
      `${Object.values(kept)
        .map((v) => String(v).replaceAll(',', ' and'))
        .join(',')}\n`,
    );
  }
} finally {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all([...running].map((r) => r.ended));
  rmSync(dir, { recursive: true, force: true });
}
