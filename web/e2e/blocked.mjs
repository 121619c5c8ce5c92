// A viewer behind a firewall that drops UDP: the picture is there soon, and comes over WebRTC in TCP in the end, in the
// same page. The answers name a UDP address that nobody hears, and the server's own TCP address.
import { demo, origin, patience, phone, run, until } from './lib.mjs';

await run(async (chrome) => {
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
  await page.route('**/whep/*', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const response = await route.fetch();
    const body = (await response.text()).replace(/^(a=candidate:\S+ \d udp \d+ )\S+ \d+ /gim, '$1127.0.0.9 9 ');
    await route.fulfill({ response, body });
  });
  await page.goto(`${origin}/b/${demo.broadcast}`);
  await until('a picture', () => page.evaluate(() => eye.firstFrameAt), patience);
  const seen = () => page.evaluate(() => eye.frames.filter((frame) => frame.transport === 'whep').length);
  await until('two seconds of picture over WebRTC', async () => (await seen()) > 60, patience);
  return page.evaluate(async () => {
    const paths = [];
    for (const connection of window.connections) {
      const stats = await connection.getStats();
      for (const pair of stats.values()) {
        if (pair.type === 'candidate-pair' && pair.nominated && pair.bytesReceived)
          paths.push(stats.get(pair.remoteCandidateId).protocol);
      }
    }
    return {
      firstFrame: Math.round(eye.firstFrameAt - eye.videoAt),
      over: eye.frames[0].transport,
      paths,
      black: eye.black,
    };
  });
}, '--allow-loopback-in-peer-connection');
