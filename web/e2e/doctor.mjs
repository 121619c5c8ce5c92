// Does the encoder doctor name what is wrong, and nothing else? Real encoders with one fault each, over RTMP, with several
// values and pictures, and encoders without any. Each is a line of docs/evidence/doctor.csv.
// node web/e2e/doctor.mjs <ready file> [only this fault]
import { appendFileSync, existsSync } from 'node:fs';
import { api, demo, finish, ready, until } from './lib.mjs';
import { ffmpeg, publishers } from './publishers.mjs';

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
  ...[12, 20].map((d) => [
    'variable frame rate',
    `every ${d}th left out`,
    { filter: `-vf select=mod(n\\,${d})+gt(mod(n\\,7)\\,2) -vsync vfr` },
    'variable_frame_rate',
  ]),
  ['resolution high', '1440x2560', { size: '1440x2560', rate: 24, gop: 48, bits: '4M', more: '' }, 'resolution_high'],
  ['none', 'x264 as in OBS', {}, ''],
  ['none', 'like a hardware encoder', { more: '-profile:v main -refs 1 -x264-params scenecut=0:cabac=1' }, ''],
];

const args = (c) =>
  `-v error -re -f lavfi -i testsrc2=s=${c.size}:r=${c.rate} -f lavfi -i anoisesrc=r=${c.hertz}:a=0.2 ${c.filter} -c:v libx264 -preset ultrafast -bf ${c.bf} -g ${c.gop} -keyint_min ${c.gop} -sc_threshold 0 -b:v ${c.bits} -pix_fmt ${c.pix} ${c.more} ${c.audio} -f flv rtmp://${ready.rtmp}/live/${demo.stream_key}`
    .split(/\s+/)
    .filter(Boolean)
    .join(' ');

const result = { trials: 0, wrong: [] };
const only = process.argv[3];
for (const [fault, value, otherwise, expected] of trials) {
  if (only && fault !== only) continue;
  const c = { ...sound, ...otherwise };
  const { id } = await api('POST', `/v1/channels/${demo.channel}/broadcasts`, demo.tokens.creator, { title: fault });
  const encoder = ffmpeg(args(c));
  let found = ['nothing came'];
  try {
    await until(`${fault} ${value}`, async () => (await publishers()).some((one) => one.broadcast === id), 20_000);
    await wait(c.seconds * 1000);
    const { health } = await api('GET', `/v1/broadcasts/${id}`, demo.tokens.creator);
    found = (health?.advice ?? []).map((one) => one.code);
  } catch (error) {
    found = [String(error).slice(0, 80)];
  }
  await encoder.stop();
  await api('POST', `/v1/broadcasts/${id}/end`, demo.tokens.creator);
  const right = expected ? found.length === 1 && found[0] === expected : found.length === 0;
  result.trials++;
  if (!right) result.wrong.push(`${fault} ${value}: ${found}`);
  const line = [new Date().toISOString(), process.env.COMMIT ?? 'unknown', fault, value, c.size, expected || 'none'];
  appendFileSync(file, `${[...line, found.join(' ') || 'none', right ? 'ok' : 'bad'].join(',')}\n`);
  console.error(`${fault} ${value} ${c.size}: ${found.join(', ') || 'none'} ${right ? '' : '(wrong)'}`);
}
if (result.wrong.length > 0) process.exitCode = 1;
finish(result);
