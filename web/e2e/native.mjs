// HLS by the browser itself, as Safari plays it: Chromium without media source extensions and WebRTC falls to its own HLS
// player. It has no getStartDate, so the page gets one that tells the truth by the number burnt into a frame; from there on
// the player's own path is the one that is tried, and a pin's card has to lie on its frame.
import { api, demo, origin, patience, phone, run, until } from './lib.mjs';
import { change } from './pins-lib.mjs';

const loopSeconds = 16;
const rate = 30;

/** firstFrame is when the demo began, as long as nothing has interrupted it; the journey's test knows better. */
async function firstFrame() {
  const { anchors } = await api('GET', `/v1/broadcasts/${demo.broadcast}`, demo.tokens.creator);
  return Date.parse(anchors.at(-1).wall);
}

await run(async (chrome) => {
  const page = await phone(chrome);
  await page.addInitScript(() => {
    for (const name of ['MediaSource', 'ManagedMediaSource', 'WebKitMediaSource', 'RTCPeerConnection'])
      delete window[name];
    HTMLMediaElement.prototype.getStartDate = () => new Date(window.startDate ?? NaN);
  });
  const requested = [];
  page.on('request', (request) => requested.push(request.url()));
  await page.goto(`${origin}/b/${demo.broadcast}`);
  await until('a picture', () => page.evaluate(() => eye.frames.filter((f) => f.number >= 0).length > 60), patience);
  const zero = Number(process.argv[3] ?? (await firstFrame()));
  const frame = await page.evaluate(() => eye.frames.filter((f) => f.number >= 0).at(-1));
  // The demo's frames are numbered from its start; the viewer is some seconds behind now, never half a loop.
  const since = (frame.wall - zero) / 1000;
  let shown = Math.floor(since / loopSeconds) * loopSeconds + frame.number / rate;
  if (shown > since) shown -= loopSeconds;
  await page.evaluate((date) => void (window.startDate = date), zero + (shown - frame.mediaTime) * 1000);
  const pins = [];
  for (let n = 0; n < 3; n++)
    pins.push({ on: await change({ hls: page }, 'PUT', true), off: await change({ hls: page }, 'DELETE', false) });
  return {
    pins,
    own: await page.evaluate(() => eye.video.currentSrc.endsWith('.m3u8')),
    hlsjs: requested.some((url) => /\/assets\/hls-.*\.js/.test(url)),
    faults: page.faults,
  };
});
