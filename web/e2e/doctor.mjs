// Does the encoder doctor name what is wrong, and nothing else? Real encoders with one fault each, over RTMP, with several
// values and pictures, some side by side on channels of their own; and encoders without any, for MINUTES (10): x264, one
// like hardware, a browser over WHIP. Each is a line of docs/evidence/doctor.csv. What stands there as ok is not done
// again, unless AGAIN is set. An encoder that this machine had no time for says nothing of the doctor: ffmpeg tells how far
// it is, and what it could not do in real time is done again, and counted nowhere. With VALUE only those trials are done
// whose value has it. node web/e2e/doctor.mjs <ready file> [only this fault]
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { api, browser, finish, origin, ready, until } from './lib.mjs';

const minutes = Number(process.env.MINUTES ?? 10);
const beside = Number(process.env.BESIDE ?? 3); // trials at a time
const attempts = 4; // of a trial whose encoder was starved
const starvedAt = 300; // milliseconds that an encoder falls behind, or makes up for
const looksBack = 32_000; // the doctor's window

const file = 'docs/evidence/doctor.csv';
if (!existsSync(file)) appendFileSync(file, 'date,commit,fault,value,size,expected,found,result\n');
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** A sound encoder; a fault replaces or adds something. */
const sound = {
  size: '320x568',
  rate: 30,
  gop: 60,
  bf: 0,
  bits: '600k',
  pix: 'yuv420p',
  more: '-profile:v high -x264-params scenecut=0:nal-hrd=cbr -maxrate 600k -bufsize 600k',
  hertz: 48000,
  audio: '-c:a aac -ac 2 -b:a 128k',
  filter: '',
  seconds: 18,
};

// [fault, value, what is otherwise, expected code]; '' expects no advice.
const trials = [
  ...[6, 8, 10].map((s) => ['key interval long', `${s} s`, { gop: 30 * s, seconds: 2 * s + 14 }, 'key_interval_long']),
  ...[8, 15].map((g) => ['key interval short', `${g} pictures`, { gop: g }, 'key_interval_short']),
  ...[1, 2, 3].map((b) => ['B-frames', `${b}`, { bf: b }, 'b_frames']),
  ...['yuv422p', 'yuv444p'].map((p) => ['profile', p, { pix: p, more: '' }, 'profile']),
  ...[10, 15].map((r) => ['frame rate low', `${r}/s`, { rate: r, gop: 2 * r }, 'frame_rate_low']),
  ...[90, 120].map((r) => ['frame rate high', `${r}/s`, { rate: r, gop: 2 * r, size: '180x320' }, 'frame_rate_high']),
  ...['30k', '45k'].map((b) => [
    'bitrate low',
    b,
    { bits: b, size: '540x960', more: `-maxrate ${b} -bufsize ${b}` },
    'bitrate_low',
  ]),
  ...[44100, 32000].map((h) => ['audio rate', `${h} Hz`, { hertz: h }, 'audio_rate']),
  ...[6, 4].map((c) => ['audio channels', `${c}`, { audio: `-c:a aac -ac ${c} -b:a 256k` }, 'audio_channels']),
  ...['16k', '24k'].map((b) => ['audio bitrate low', b, { audio: `-c:a aac -ac 2 -b:a ${b}` }, 'audio_bitrate_low']),
  ['no sound', 'no track', { audio: '-an' }, 'no_sound'],
  ...[6, 12].map((d) => [
    'variable frame rate',
    `every ${d}th left out`,
    { filter: `-vf select=mod(n\\,${d})+gt(mod(n\\,7)\\,2) -vsync vfr` },
    'variable_frame_rate',
  ]),
  ['resolution high', '1440x2560', { size: '1440x2560', rate: 24, gop: 48, bits: '4M', more: '' }, 'resolution_high'],
];
const sizes = ['320x568', '568x320'];

/** Encoders without a fault are looked at every second for all of their minutes. */
const healthy = [
  ['none', `x264 as in OBS, ${minutes} min`, {}, ''],
  [
    'none',
    `like a hardware encoder, ${minutes} min`,
    { more: '-profile:v main -refs 1 -x264-params scenecut=0:cabac=1:nal-hrd=cbr -maxrate 600k -bufsize 600k' },
    '',
  ],
  ['none', `a browser over WHIP, ${minutes} min`, { browser: true, size: '640x360' }, ''],
];

const args = (c, key) =>
  `-v error -re -f lavfi -i testsrc2=s=${c.size}:r=${c.rate} -f lavfi -i anoisesrc=r=${c.hertz}:a=0.2 ${c.filter} -c:v libx264 -preset ultrafast -bf ${c.bf} -g ${c.gop} -keyint_min ${c.gop} -sc_threshold 0 -b:v ${c.bits} -pix_fmt ${c.pix} ${c.more} ${c.audio} -f flv rtmp://${ready.rtmp}/live/${key}`
    .split(/\s+/)
    .filter(Boolean)
    .join(' ');

/** watched is an ffmpeg that tells how late it is. */
function watched(text) {
  const child = spawn('ffmpeg', ['-progress', 'pipe:1', '-stats_period', '0.5', ...text.split(' ')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((done) => child.once('exit', done));
  const late = []; // [when, milliseconds behind the first report]
  let first;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [name, value] = line.split('=');
    if (name !== 'out_time_us' || !(Number(value) > 0)) return;
    const now = Date.now();
    const behind = now - Number(value) / 1000;
    first ??= behind;
    late.push([now, behind - first]);
  });
  return {
    /** starved tells whether it was late, or made up for it, in what the doctor looks at now. */
    starved: () => {
      const recent = late.filter(([at]) => at > Date.now() - looksBack).map(([, behind]) => behind);
      return recent.length < 4 || Math.max(...recent) - Math.min(...recent) > starvedAt;
    },
    stop: () => (child.kill('SIGKILL'), ended),
  };
}

/** places are channels of a shop of our own, one for each trial that runs. */
async function places(count) {
  const login = { email: `doctor-${Date.now()}@example.com`, password: 'correct horse battery staple' };
  await api('POST', '/v1/accounts', '', { ...login, name: 'Doctor' });
  const { token } = await api('POST', '/v1/sessions', '', login);
  const shop = await api('POST', '/v1/shops', token, {
    name: 'Doctor',
    currency: 'EUR',
    time_zone: 'UTC',
    locale: 'en',
  });
  const out = [];
  for (let n = 0; n < count; n++) {
    const handle = `doctor-${Date.now()}-${n}`;
    const { id } = await api('POST', `/v1/shops/${shop.id}/channels`, token, { name: handle, handle });
    const { stream_key } = await api('POST', `/v1/channels/${id}/stream-key`, token);
    out.push({ channel: id, key: stream_key, token });
  }
  return out;
}

/** camera publishes the browser's fake camera and microphone over WHIP. */
async function camera(key) {
  const chrome = await browser();
  const page = await chrome.newPage();
  await page.goto(`${origin}/healthz`);
  await page.evaluate(async (bearer) => {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { width: 640, height: 360, frameRate: 30 },
      audio: true,
    });
    const peer = (window.publisher = new RTCPeerConnection());
    for (const track of stream.getTracks()) peer.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
    await peer.setLocalDescription();
    const headers = { 'Content-Type': 'application/sdp', Authorization: `Bearer ${bearer}` };
    const answer = await fetch('/whip', { method: 'POST', headers, body: peer.localDescription.sdp });
    await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  }, key);
  return { starved: () => false, stop: () => chrome.close() };
}

/** look is one trial: what the doctor says at its end, or, of a healthy encoder, ever; nothing where it was starved. */
async function look({ channel, key, token }, [fault, value, otherwise]) {
  const c = { ...sound, ...otherwise };
  const { id } = await api('POST', `/v1/channels/${channel}/broadcasts`, token, { title: fault });
  const codes = async () => ((await api('GET', `/v1/broadcasts/${id}`, token)).health?.advice ?? []).map((a) => a.code);
  let encoder;
  try {
    encoder = c.browser ? await camera(key) : watched(args(c, key));
    await until(
      `${fault} ${value}`,
      async () => (await api('GET', `/v1/channels/${channel}/publishers`, token)).items.some((p) => p.broadcast === id),
      30_000,
    );
    if (fault !== 'none') {
      await wait(c.seconds * 1000);
      const said = await codes();
      return encoder.starved() ? undefined : said;
    }
    const found = new Set();
    for (const end = Date.now() + minutes * 60_000; Date.now() < end; await wait(1000)) {
      const said = await codes();
      if (said.length > 0 && encoder.starved()) return undefined;
      for (const code of said) found.add(code);
    }
    const { state } = await api('GET', `/v1/broadcasts/${id}`, token);
    return state === 'live' ? [...found] : [...found, `it is ${state}`];
  } catch (error) {
    return [String(error).slice(0, 80).replaceAll(',', ' ')];
  } finally {
    await encoder?.stop();
    await api('POST', `/v1/broadcasts/${id}/end`, token).catch(() => {});
  }
}

const known = new Set(
  readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(','))
    .filter((line) => line.at(-1) === 'ok' && !process.env.AGAIN)
    .map((line) => line.slice(2, -3).join(',')),
);
const only = process.argv[3];
const withValue = process.env.VALUE;
const faulty = trials.flatMap(([fault, value, otherwise, expected]) =>
  (otherwise.size ? [otherwise.size] : sizes).map((size) => [fault, value, { ...otherwise, size }, expected]),
);
const all = [
  ...faulty,
  ...healthy.map(([fault, value, c]) => [fault, value.replaceAll(',', ''), { size: sound.size, ...c }, '']),
];
const left = all.filter(
  ([fault, value, c]) =>
    (!only || fault === only) &&
    (!withValue || value.includes(withValue)) &&
    !known.has([fault, value, c.size].join(',')),
);
const result = { trials: all.length, left: left.length, done: 0, wrong: [], starved: [] };
const free = await places(Math.min(beside, left.length));
await Promise.all(
  free.map(async (place) => {
    for (let trial = left.shift(); trial; trial = left.shift()) {
      const [fault, value, { size }, expected] = trial;
      let found;
      for (let n = 0; n < attempts && !found; n++) {
        found = await look(place, trial);
        await wait(1500); // a channel rests after an end, unless a broadcast waits
      }
      if (!found) {
        result.starved.push(`${fault} ${value} ${size}`);
        continue;
      }
      const right = expected ? found.length === 1 && found[0] === expected : found.length === 0;
      result.done++;
      if (!right) result.wrong.push(`${fault} ${value}: ${found}`);
      const line = [new Date().toISOString(), process.env.COMMIT ?? 'unknown', fault, value, size, expected || 'none'];
      appendFileSync(file, `${[...line, found.join(' ') || 'none', right ? 'ok' : 'bad'].join(',')}\n`);
      console.error(`${fault} ${value} ${size}: ${found.join(', ') || 'none'} ${right ? '' : '(wrong)'}`);
    }
  }),
);
if (result.wrong.length + result.starved.length > 0) process.exitCode = 1;
finish(result);
