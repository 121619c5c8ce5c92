// A server of its own with a show whose key pictures come every four seconds, for figures and long runs: the demo's clip,
// encoded once more, sent by ffmpeg to the demo's idle channel. Its frames carry their number as the clip's do.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
/** Frames in one loop of the clip, and how many come a second. */
export const loop = 480;
export const rate = 30;
const keyInterval = 120;

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** serve starts a server on free ports and returns its ready file and how to stop it. */
export async function serve() {
  const data = mkdtempSync(join(tmpdir(), 'hawker-show-'));
  const ready = join(data, 'ready.json');
  const doors = ['http', 'rtmp', 'srt', 'rtsp', 'webrtc', 'webrtc-ingest', 'metrics'];
  const free = doors.flatMap((door) => [`--${door}`, '127.0.0.1:0']);
  const args = ['demo', '--data', join(data, 'data'), '--ready-file', ready, ...free];
  const server = spawn(join(root, 'bin/hawker'), args, { stdio: 'ignore' });
  const gone = new Promise((done) => server.on('exit', done));
  for (let n = 0; !existsSync(ready); n++) {
    if (n > 150 || server.exitCode !== null) throw new Error('the server did not start');
    await wait(100);
  }
  return {
    ready,
    data,
    facts: JSON.parse(readFileSync(ready, 'utf8')),
    stop: async () => {
      server.kill('SIGTERM');
      await gone;
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** clip encodes the demo's clip with a key picture every four seconds, and no pictures out of order. */
function clip(into) {
  const out = join(into, 'clip.flv');
  const encode = ['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-b:v', '1200k', '-bf', '0'];
  const keys = ['-g', String(keyInterval), '-keyint_min', String(keyInterval), '-sc_threshold', '0'];
  const input = ['-nostdin', '-loglevel', 'error', '-y', '-i', join(root, 'cmd/hawker/demo/clip.flv')];
  execFileSync('ffmpeg', [...input, ...encode, ...keys, '-c:a', 'copy', out]);
  return out;
}

/** onAir opens a broadcast on the idle channel and sends it. restart sends anew, as an encoder that was cut off does. */
export async function onAir({ facts, data }, call) {
  const { channel, stream_key: key, tokens } = facts.demo;
  const made = await call('POST', `/v1/channels/${channel}/broadcasts`, tokens.creator, { title: 'Figures' });
  const file = clip(data);
  let encoder;
  const send = () => {
    const input = ['-nostdin', '-loglevel', 'error', '-re', '-stream_loop', '-1', '-i', file, '-c', 'copy'];
    encoder = spawn('ffmpeg', [...input, '-f', 'flv', `rtmp://${facts.rtmp}/live/${key}`], { stdio: 'ignore' });
  };
  const halt = async () => {
    if (!encoder) return;
    const gone = new Promise((done) => encoder.on('exit', done));
    encoder.kill('SIGKILL');
    await gone;
    encoder = undefined;
  };
  const live = async () => {
    for (let n = 0; n < 200; n++) {
      const now = await call('GET', `/v1/broadcasts/${made.id}`, tokens.creator);
      if (now.state === 'live') return now;
      await wait(100);
    }
    throw new Error('the show did not begin');
  };
  send();
  await live();
  return {
    id: made.id,
    halt,
    restart: async (pause) => {
      await halt();
      await wait(pause);
      send();
      return live();
    },
  };
}
