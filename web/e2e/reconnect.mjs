// One show from encoder after encoder, watched over WebRTC and over LL-HLS without a reload: the encoder is killed and comes
// back turned, is frozen and thawed, loses its network and calls again, another takes over with another codec, the page is
// put to sleep and woken. The viewers' pages are never touched; each step says how long the picture stood still. While
// there is none, the page says so and the chat goes on.
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { api, deadMedia, demo, heard, origin, phone, ready, run, signIn, until } from './lib.mjs';

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const encoders = new Set();

/** relay is a network between an encoder and the server that can be dropped: nothing passes, and nobody is told. */
async function relay() {
  const [host, port] = ready.rtmp.split(':');
  const ends = [];
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    ends.push(near, far);
    for (const end of [near, far]) end.on('error', () => {});
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    address: `127.0.0.1:${server.address().port}`,
    drop: () => ends.forEach((end) => (end.unpipe(), end.pause())),
    close: () => (server.close(), ends.forEach((end) => end.destroy())),
  };
}

let devices = 0;

/** rtmp starts an encoder with a picture and a name of its own: one that lost the air a moment ago would stand by. */
function rtmp(size, address = ready.rtmp, sound = '-f lavfi -i sine=f=330:r=48000') {
  const input = `-v error -re -f lavfi -i testsrc2=s=${size}:r=30 ${sound}`.trim();
  const video = '-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -b:v 500k -pix_fmt yuv420p';
  const args = `${input} ${video} -c:a aac -b:a 64k -f flv`.split(' ');
  const name = ['-rtmp_flashver', `DEVICE${devices++}`];
  const encoder = spawn('ffmpeg', [...args, ...name, `rtmp://${address}/live/${demo.stream_key}`], { stdio: 'ignore' });
  encoders.add(encoder);
  return encoder;
}

/** whip publishes a browser's camera with one codec alone, and returns its page. */
async function whip(chrome, width, height, codec) {
  const page = await phone(chrome);
  await page.goto(`${origin}/embed`);
  await page.evaluate(
    async ([width, height, codec, key]) => {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width, height }, audio: true });
      const pc = (window.publisher = new RTCPeerConnection());
      for (const track of stream.getTracks()) {
        const sender = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
        if (track.kind !== 'video') continue;
        sender.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs.filter((c) => c.mimeType === codec));
        const parameters = sender.sender.getParameters();
        parameters.degradationPreference = 'maintain-resolution';
        await sender.sender.setParameters(parameters);
      }
      await pc.setLocalDescription(await pc.createOffer());
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/sdp' };
      const response = await fetch('/whip', { method: 'POST', headers, body: pc.localDescription.sdp });
      if (response.status !== 201) throw new Error(`WHIP: ${response.status} ${await response.text()}`);
      await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    },
    [width, height, codec, demo.stream_key],
  );
  return page;
}

async function gone(encoder) {
  const end = new Promise((done) => encoder.once('exit', done));
  encoder.kill('SIGKILL');
  await end;
  encoders.delete(encoder);
}

async function viewer(chrome, broadcast, transport) {
  const page = await phone(chrome);
  await page.addInitScript(() => {
    window.connections = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...args) {
        super(...args);
        window.connections.push(this);
      }
    };
  });
  if (transport === 'hls') await deadMedia(page);
  else await signIn(page, 'viewer');
  await page.goto(`${origin}/b/${broadcast}`);
  const shown = () =>
    page.evaluate((kind) => eye.frames.length > 30 && eye.frames.at(-1).transport === kind, transport);
  await until(`a picture over ${transport}`, shown, 40_000);
  await page.evaluate(() => (window.here = true));
  return page;
}

/** moved waits for pictures of a size over a transport after a mark, and returns the longest stand-still since. */
async function moved(page, transport, [width, height], mark) {
  await until(
    `${width} × ${height} over ${transport}`,
    () =>
      page.evaluate(
        ([w, h, kind, from]) =>
          eye.video.videoWidth === w &&
          eye.video.videoHeight === h &&
          eye.frames.filter((frame) => frame.index > from && frame.transport === kind).length > 20 &&
          performance.now() - eye.frames.at(-1).at < 300,
        [width, height, transport, mark],
      ),
    40_000,
  );
  return page.evaluate((from) => {
    const at = eye.frames.filter((frame) => frame.index >= from - 1).map((frame) => frame.at);
    return Math.round(Math.max(...at.slice(1).map((time, i) => time - at[i])));
  }, mark);
}

/** codec is what the newest WebRTC connection decodes. */
const codec = (page) =>
  page.evaluate(async () => {
    const stats = await window.connections.at(-1).getStats();
    for (const one of stats.values())
      if (one.type === 'inbound-rtp' && one.kind === 'video') return stats.get(one.codecId)?.mimeType;
  });

/** sleep freezes a page as a phone does in a pocket, and wakes it. */
async function sleep(page, milliseconds) {
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setWebLifecycleState', { state: 'frozen' });
  await wait(milliseconds);
  await session.send('Page.setWebLifecycleState', { state: 'active' });
}

await run(async (chrome) => {
  const { id } = await api('POST', `/v1/channels/${demo.channel}/broadcasts`, demo.tokens.creator, { title: 'Turned' });
  let network;
  try {
    const result = { whep: {}, hls: {} };
    let encoder = rtmp('360x640', ready.rtmp, ''); // the first one has no sound
    await until('on air', async () => (await api('GET', `/v1/broadcasts/${id}`, demo.tokens.creator)).state === 'live');
    const pages = { whep: await viewer(chrome, id, 'whep'), hls: await viewer(chrome, id, 'hls') };
    const step = async (name, kinds, size, change) => {
      const marks = {};
      for (const kind of kinds) marks[kind] = await pages[kind].evaluate(() => eye.count);
      await change();
      for (const kind of kinds) result[kind][name] = await moved(pages[kind], kind, size, marks[kind]);
    };
    // Cut off, and back after three seconds, with the phone turned.
    await step('turned', ['whep', 'hls'], [640, 360], async () => {
      await gone(encoder);
      await wait(3000);
      encoder = rtmp('640x360');
    });
    result.hls.heard = await heard(pages.hls);
    // No picture comes: the page says so over either transport, what one says the other reads, and the picture comes back.
    const away = async (name, size, stop, resume) => {
      await stop();
      for (const page of Object.values(pages)) {
        await page.locator('.slate h2').first().waitFor({ timeout: 40_000 });
      }
      const line = `still here ${name} ${Date.now()}`;
      const input = pages.whep.locator('.room-say input');
      await input.fill(line);
      await input.press('Enter');
      await pages.hls.locator('.chat-text').filter({ hasText: line }).first().waitFor({ timeout: 40_000 });
      await step(name, ['whep', 'hls'], size, resume);
      for (const page of Object.values(pages)) {
        await page.locator('.slate h2').first().waitFor({ state: 'detached', timeout: 40_000 });
      }
    };
    await away(
      'frozen',
      [640, 360],
      () => encoder.kill('SIGSTOP'),
      () => encoder.kill('SIGCONT'),
    );
    network = await relay();
    await step('replaced', ['whep', 'hls'], [320, 568], () => {
      encoder = rtmp('320x568', network.address);
    });
    await away(
      'dropped',
      [360, 640],
      () => network.drop(),
      () => {
        encoder = rtmp('360x640');
      },
    );
    // Another encoder takes over from the running one, upright again and larger.
    await step('larger', ['whep', 'hls'], [540, 960], () => {
      encoder = rtmp('540x960');
    });
    await step('slept', ['whep', 'hls'], [540, 960], () =>
      Promise.all([sleep(pages.whep, 8000), sleep(pages.hls, 8000)]),
    );
    // Another protocol and another codec: WebRTC takes it in the same session. LL-HLS has no VP8; it waits, and goes on
    // with what it can play.
    const before = await codec(pages.whep);
    let camera;
    await step('codec', ['whep'], [480, 270], async () => {
      camera = await whip(chrome, 480, 270, 'video/VP8');
    });
    result.codecs = [before, await codec(pages.whep)];
    // The one that lost its network has been given up by then.
    const { items } = await api('GET', `/v1/channels/${demo.channel}/publishers`, demo.tokens.creator);
    result.publishers = items.length;
    result.connections = await pages.whep.evaluate(() => window.connections.length);
    await step('back', ['whep', 'hls'], [360, 640], async () => {
      await camera.close(); // or it stands by, and takes over again from an encoder that a busy machine holds up
      encoder = rtmp('360x640');
    });
    for (const [kind, page] of Object.entries(pages)) {
      result[kind].here = await page.evaluate(() => window.here === true);
      result[kind].black = await page.evaluate(() => eye.black);
      result[kind].faults = page.faults;
    }
    return result;
  } finally {
    for (const encoder of encoders) encoder.kill('SIGKILL');
    network?.close();
    await api('POST', `/v1/broadcasts/${id}/end`, demo.tokens.creator, {}).catch(() => {});
  }
});
