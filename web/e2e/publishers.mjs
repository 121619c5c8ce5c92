// Encoders of every protocol, for journeys that change them: ffmpeg over RTMP, SRT and RTSP, and a browser over WHIP.
import { spawn } from 'node:child_process';
import { api, demo, origin, ready } from './lib.mjs';

const picture = (size, more) =>
  `-v error -re -f lavfi -i testsrc2=s=${size}:r=30 ${sine} -c:v libx264 -preset ultrafast -tune zerolatency -g 30 -b:v 500k -pix_fmt yuv420p ${more} -c:a aac -b:a 64k`;
const sine = '-f lavfi -i sine=f=330:r=48000';

/** Each device names itself anew: one that comes back within half a minute of its loss stands by. */
const ways = {
  rtmp: (n) =>
    `${picture('360x640', '-profile:v baseline')} -rtmp_flashver DEVICE${n} -f flv rtmp://${ready.rtmp}/live/${demo.stream_key}`,
  srt: () =>
    `${picture('320x568', '-profile:v main')} -f mpegts srt://${ready.srt}?streamid=publish:${demo.stream_key}`,
  rtsp: (n) =>
    `${picture('480x854', '-profile:v high')} -user_agent DEVICE${n} -f rtsp -rtsp_transport tcp rtsp://live:${demo.stream_key}@${ready.rtsp}/live`,
};

export function ffmpeg(args) {
  const child = spawn('ffmpeg', args.split(' '), { stdio: 'ignore' });
  const ended = new Promise((done) => child.once('exit', done));
  return { child, stop: () => (child.kill('SIGCONT'), child.kill('SIGKILL'), ended) };
}

/** publish starts an encoder of a protocol; one over WHIP has sound always. */
export async function publish(chrome, way, n, sound = true) {
  if (way !== 'whip') return ffmpeg(sound ? ways[way](n) : ways[way](n).replace(`${sine} `, ''));
  const page = await chrome.newPage({ userAgent: `DEVICE${n}` });
  await page.goto(`${origin}/healthz`);
  await page.evaluate(async (key) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 360, height: 640 });
    const pen = canvas.getContext('2d');
    setInterval(() => {
      pen.fillStyle = `hsl(${(performance.now() / 10) % 360} 80% 50%)`;
      pen.fillRect(0, 0, 360, 640);
    }, 33);
    const peer = new RTCPeerConnection();
    for (const track of canvas.captureStream(30).getTracks()) peer.addTransceiver(track, { direction: 'sendonly' });
    const audio = new AudioContext();
    const sound = audio.createMediaStreamDestination();
    const tone = audio.createOscillator();
    tone.connect(sound);
    tone.start();
    for (const track of sound.stream.getTracks()) peer.addTransceiver(track, { direction: 'sendonly' });
    await peer.setLocalDescription();
    const answer = await fetch('/whip', {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${key}` },
      body: peer.localDescription.sdp,
    });
    await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    globalThis.kept = [peer, canvas, sound, tone];
  }, demo.stream_key);
  return { stop: () => page.close() };
}

/** publishers are those that are connected to the idle channel. */
export const publishers = async () =>
  (await api('GET', `/v1/channels/${demo.channel}/publishers`, demo.tokens.creator)).items;

export const show = (publisher) =>
  api('PUT', `/v1/channels/${demo.channel}/publishers/shown`, demo.tokens.creator, { publisher });
