// What the journeys share: a real browser at a running server, a person's view of a video, and the burnt-in frame number.
// A journey is run as: node web/e2e/<journey>.mjs <ready file> [arguments]; it prints one JSON object and exits with 0, or
// says what it missed and exits with 1.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

/** patience is long: the race detector on two busy, slow cores. What comes, comes at once all the same. */
export const patience = 150_000;

export const ready = JSON.parse(readFileSync(process.argv[2], 'utf8'));
export const origin = `http://${ready.http}`;
export const demo = ready.demo;

const executables = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** browser starts Chromium with a fake camera and without looking for anything outside this machine. */
export async function browser(...args) {
  const executablePath = executables.find((path) => path && existsSync(path));
  if (!executablePath) throw new Error('no Chromium: make deps installs it, or name one in CHROMIUM');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
      ...args,
    ],
  });
}

/** phone opens a portrait page; problems of the page itself end the journey. */
export async function phone(chrome, { locale = 'en-GB', width = 390, height = 844 } = {}) {
  const context = await chrome.newContext({ viewport: { width, height }, locale, hasTouch: true, isMobile: false });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy|Uncaught/.test(message.text()))
      page.faults.push(message.text());
  });
  await page.addInitScript(observe);
  return page;
}

/** api calls the JSON API with a bearer token. */
export async function api(method, path, token, body, headers = {}) {
  const response = await fetch(origin + path, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const json = text && /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined;
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 400)}`);
  return json;
}

/** signIn gives the page the session of a log-in, as the form would. */
export async function signIn(page, role) {
  const response = await page.request.post(`${origin}/v1/sessions`, {
    data: { email: demo.logins[role], password: demo.password },
    headers: { 'sec-fetch-site': 'same-origin', origin },
  });
  if (!response.ok()) throw new Error(`log ${role} in: ${response.status()} ${await response.text()}`);
}

/** deadMedia makes WebRTC media impossible, as behind a firewall: the answer's candidates lead nowhere. */
export async function deadMedia(page) {
  await page.route('**/whep/*', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const response = await route.fetch();
    const body = (await response.text()).replace(/^(a=candidate:\S+ \d \S+ \d+ )\S+ \d+ /gim, '$1127.0.0.9 9 ');
    await route.fulfill({ response, body });
  });
}

/** until waits for a condition in Node, looking often. */
export async function until(what, condition, timeout = patience) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${timeout} ms for ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** heard listens until something is heard, and returns the greatest root mean square; 0 where nothing is in time. */
export async function heard(page) {
  let loudness = 0;
  for (let n = 0; n < 8 && loudness < 0.001; n++) loudness = await page.evaluate(() => eye.loudness(3000));
  return loudness;
}

/** foreignPage serves a page of somebody else: another port, so another origin, with our element in it. */
export async function foreignPage(attributes = 'controls autoplay', script = '', broadcast = demo.broadcast) {
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A shop</title></head>
<body style="margin:0"><hawker-player style="width:360px" broadcast="${broadcast}" ${attributes}></hawker-player>
<script type="module">${script}</script>
<script type="module" src="${origin}/player/v1/hawker-player.js"></script></body></html>`;
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html));
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** finish prints the result and ends the journey. */
export function finish(result) {
  console.log(JSON.stringify(result));
}

/** run runs a journey with a browser that is closed in the end. */
export async function run(journey, ...args) {
  const chrome = await browser(...args);
  try {
    finish(await journey(chrome));
  } catch (error) {
    let n = 0;
    for (const page of chrome.contexts().flatMap((context) => context.pages())) {
      const shows = await page.evaluate(() => document.body.innerText).catch((e) => String(e));
      console.error(`${page.url()} shows: ${shows.replace(/\s+/g, ' ').slice(0, 600)}`);
      if (!process.env.E2E_SHOTS) continue;
      mkdirSync(process.env.E2E_SHOTS, { recursive: true });
      await page.screenshot({ path: `${process.env.E2E_SHOTS}/fault-${n++}.png` }).catch(() => {});
    }
    console.error(error.stack ?? String(error));
    process.exitCode = 1;
  } finally {
    await chrome.close();
  }
}

/**
 * observe runs in every page: window.eye records each presented frame of the first video with the number that is burnt
 * into it, and which cards lay on the picture when that frame was on the screen.
 */
function observe() {
  const cells = 20;
  const canvas = new OffscreenCanvas(cells * 4, 4);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const eye = { frames: [], count: 0, firstFrameAt: undefined, videoAt: undefined };
  window.eye = eye;
  eye.number = (video) => {
    context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 24, 0, 0, canvas.width, canvas.height);
    const pixels = context.getImageData(0, 2, canvas.width, 1).data;
    const bits = [];
    for (let i = 0; i < cells; i++) bits.push(pixels[(i * 4 + 2) * 4] > 128 ? 1 : 0);
    const ones = bits.slice(2, 18).reduce((a, b) => a + b, 0);
    if (bits[0] !== 1 || bits[1] !== 0 || bits[19] !== 1 || (ones + bits[18]) % 2 !== 1) return -1;
    return bits.slice(2, 18).reduce((n, bit) => n * 2 + bit, 0);
  };
  // Our own page, or another's with our element in it.
  eye.root = () => document.querySelector('hawker-player')?.shadowRoot ?? document;
  const after = new MessageChannel();
  const waiting = [];
  after.port1.onmessage = () => {
    // A task of its own: the rendering of this frame is over, what it put into the page is there.
    const frame = waiting.shift();
    frame.pins = [...eye.root().querySelectorAll('[data-pin]')].map((card) => card.dataset.product);
    frame.index = eye.count++;
    eye.frames.push(frame);
    if (eye.frames.length > 4000) eye.frames.splice(0, 1000);
  };
  const watch = (video) => {
    eye.videoAt = performance.now();
    const seen = (now, metadata) => {
      eye.firstFrameAt ??= performance.now();
      waiting.push({
        at: now,
        wall: performance.timeOrigin + now,
        presented: metadata.presentedFrames,
        mediaTime: metadata.mediaTime,
        number: eye.number(video),
        transport: video.dataset.transport,
      });
      after.port2.postMessage(0);
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback(seen);
  };
  // Repaints without a picture after the first one: neither a frame in the video nor a copy of the last one over it.
  eye.black = 0;
  const repaint = () => {
    look();
    const covered = eye.video?.nextElementSibling instanceof HTMLCanvasElement;
    if (eye.firstFrameAt && eye.video.isConnected && eye.video.readyState === 0 && !covered) eye.black++;
    requestAnimationFrame(repaint);
  };
  requestAnimationFrame(repaint);
  const look = () => {
    const video = eye.root().querySelector('video');
    if (!video || eye.video === video) return;
    eye.video = video;
    watch(video);
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });

  /** loudness listens for a while and returns the greatest root mean square. */
  eye.loudness = async (milliseconds) => {
    const video = eye.video;
    video.muted = false;
    await video.play().catch(() => {});
    const audio = new AudioContext();
    await audio.resume();
    const stream = video.captureStream();
    const end = performance.now() + milliseconds;
    while (stream.getAudioTracks().length === 0 && performance.now() < end)
      await new Promise((done) => setTimeout(done, 50));
    if (stream.getAudioTracks().length === 0) {
      await audio.close();
      return 0;
    }
    const analyser = audio.createAnalyser();
    audio.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let loudest = 0;
    while (performance.now() < end) {
      analyser.getFloatTimeDomainData(samples);
      loudest = Math.max(loudest, Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length));
      await new Promise((done) => setTimeout(done, 50));
    }
    await audio.close();
    return loudest;
  };
}
