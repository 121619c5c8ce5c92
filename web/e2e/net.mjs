// Bad networks for journeys: a UDP proxy that loses, cuts and counts, and a TCP proxy whose lost segments hold up what
// comes after them, as TCP does. Everything stays on the loopback addresses of this machine.
import { createSocket } from 'node:dgram';
import { createServer, connect } from 'node:net';

/** random returns a repeatable generator of numbers in [0, 1). */
export function random(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Clients that are remembered by a UDP proxy; beyond it the oldest is forgotten. */
const clientsMax = 64;

/** udpProxy passes datagrams to a server's port and back, losing a share of those that come back. */
export async function udpProxy(port, { loss = 0, seed = 1 } = {}) {
  const rand = random(seed);
  const front = createSocket('udp4');
  const clients = new Map();
  const proxy = { loss, cut: false, passed: 0, lost: 0, port: 0 };
  front.on('message', (message, from) => {
    if (proxy.cut) return;
    const key = `${from.address}:${from.port}`;
    let back = clients.get(key);
    if (!back) {
      if (clients.size >= clientsMax) {
        const [oldest, socket] = clients.entries().next().value;
        clients.delete(oldest);
        socket.close();
      }
      back = createSocket('udp4');
      back.on('message', (reply) => {
        if (proxy.cut) return;
        // Media only: what is lost of a handshake tells nothing about frames.
        const media = reply[0] >= 128 && reply[0] < 192;
        if (media && rand() < proxy.loss) proxy.lost++;
        else {
          proxy.passed++;
          front.send(reply, from.port, from.address, () => {});
        }
      });
      clients.set(key, back);
    }
    back.send(message, port, '127.0.0.1', () => {});
  });
  await new Promise((done) => front.bind(0, '127.0.0.1', done));
  proxy.port = front.address().port;
  proxy.close = () => {
    front.close();
    for (const socket of clients.values()) socket.close();
  };
  return proxy;
}

const segment = 1460;
/** A lost segment is sent again after about a round trip and the time to notice. */
const recoveryMilliseconds = 60;

/** tcpProxy passes connections to a server's port; a lost segment holds up its connection for a moment. */
export async function tcpProxy(port, { loss = 0, seed = 1 } = {}) {
  const rand = random(seed);
  const sockets = new Set();
  const proxy = { loss, lost: 0, port: 0 };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      let lost = 0;
      for (let at = 0; at < chunk.length; at += segment) if (rand() < proxy.loss) lost++;
      proxy.lost += lost;
      if (lost === 0) {
        client.write(chunk);
        return;
      }
      // Selective acknowledgements: the lost of one flight are sent again together, seldom twice.
      upstream.pause();
      const again = 1 + (rand() < proxy.loss ? 1 : 0);
      setTimeout(() => {
        client.write(chunk);
        upstream.resume();
      }, recoveryMilliseconds * again);
    });
    upstream.on('end', () => client.end());
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  proxy.port = server.address().port;
  proxy.close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return proxy;
}

/** mediaThrough sends the WebRTC media of a page or a context through a UDP proxy: the answers name its port instead. */
export async function mediaThrough(page, proxy) {
  const through = (sdp) =>
    sdp
      .replace(/^(a=candidate:\S+ \d udp \d+ )\S+ \d+ /gim, `$1127.0.0.1 ${proxy.port} `)
      .replace(/^a=candidate:\S+ \d tcp .*\r?\n/gim, '');
  await page.route(/\/whep\//, async (route) => {
    const method = route.request().method();
    if (method !== 'POST' && method !== 'PATCH') return route.continue();
    const response = await route.fetch();
    const type = response.headers()['content-type'] ?? '';
    if (!/sdp/.test(type)) return route.fulfill({ response });
    await route.fulfill({ response, body: through(await response.text()) });
  });
}
