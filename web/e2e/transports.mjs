// A viewer watches over WebRTC where the server's settings leave only one way: the picture moves, and the browser tells
// which protocol and which address the packets come by.
import { demo, origin, phone, run, until } from './lib.mjs';

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
  await page.goto(`${origin}/b/${demo.broadcast}`);
  const seen = () => page.evaluate(() => eye.frames.filter((frame) => frame.transport === 'whep').length);
  await until('two seconds of picture over WebRTC', async () => (await seen()) > 60, 40_000);
  const path = await page.evaluate(async () => {
    for (const connection of window.connections) {
      const stats = await connection.getStats();
      for (const pair of stats.values()) {
        if (pair.type !== 'candidate-pair' || !pair.nominated || !pair.bytesReceived) continue;
        const remote = stats.get(pair.remoteCandidateId);
        return { protocol: remote.protocol, address: remote.address ?? remote.ip };
      }
    }
    return {};
  });
  const frames = await page.evaluate(() => eye.frames.filter((frame) => frame.transport === 'whep'));
  return {
    ...path,
    frames: frames.length,
    readable: frames.filter((frame) => frame.number >= 0).length,
    faults: page.faults,
  };
}, '--allow-loopback-in-peer-connection');
