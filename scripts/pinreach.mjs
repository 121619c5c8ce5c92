// How long a pin takes to reach the last of very many viewers. Argument: the ready file of a demo server, then how many
// viewers (10000), then how many pins (100). It opens that many feeds, pins and unpins, and prints one JSON object: the
// milliseconds from the API call until the last socket had the news (median, p99, worst), as seen here, and p99 of
// hawker_feed_reach_seconds, as the server saw its last write. Run it on other cores than the server, with `ulimit -n`
// above the number of viewers on both sides.
import { readFileSync } from 'node:fs';
import net from 'node:net';

const ready = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const viewers = Number(process.argv[3] ?? 10_000);
const pins = Number(process.argv[4] ?? 100);
const { demo } = ready;
const [host, port] = ready.http.split(/:(?=\d+$)/);
const connectingMost = 64;
const patience = 20_000;

/** Feeds that have the news that is waited for, and when the last of them had it. */
let reached = new Set();
let last = 0;
let wanted = '';
let done = () => {};

function open(number) {
  return new Promise((resolve, reject) => {
    // Loopback has many addresses: each has ports enough.
    const socket = net.connect({ host, port: Number(port), localAddress: `127.0.1.${1 + (number % 8)}` });
    let greeted = false;
    let tail = '';
    socket.on('connect', () =>
      socket.write(
        `GET /v1/broadcasts/${demo.broadcast}/feed HTTP/1.1\r\nHost: ${ready.http}\r\nConnection: Upgrade\r\n` +
          'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      ),
    );
    socket.on('data', (data) => {
      if (data[0] === 0x89) socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0])); // a ping
      const text = tail + data.toString('latin1');
      tail = text.slice(-200);
      if (!greeted) {
        if (!text.startsWith('HTTP/1.1 101')) return reject(new Error(text.split('\r\n')[0]));
        greeted = true;
        resolve(socket);
      }
      if (!wanted || reached.has(number) || !text.includes(wanted)) return;
      reached.add(number);
      last = performance.now();
      if (reached.size === viewers) done();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`feed ${number} ended`)));
  });
}

/** change pins or unpins, and says how long the last feed waited for it. */
async function change(method, kind, product) {
  reached = new Set();
  wanted = `"kind":"${kind}"`;
  const all = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${reached.size} of ${viewers} heard of ${kind}`)), patience);
    done = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  const began = performance.now();
  const answer = await fetch(`http://${ready.http}/v1/broadcasts/${demo.broadcast}/pins/${product}`, {
    method,
    headers: { authorization: `Bearer ${demo.tokens.creator}` },
  });
  if (!answer.ok) throw new Error(`${method}: ${answer.status} ${await answer.text()}`);
  await all;
  wanted = '';
  return last - began;
}

/** reach reads the buckets of the server's own figure: how many were at most so many seconds. */
async function reach() {
  const text = await (await fetch(`http://${ready.metrics}/metrics`)).text();
  return [...text.matchAll(/^hawker_feed_reach_seconds_bucket\{le="([^"]+)"\} (\S+)$/gm)].map(([, le, count]) => ({
    le: le === '+Inf' ? Infinity : Number(le),
    count: Number(count),
  }));
}

const sockets = [];
for (let n = 0; n < viewers; n += connectingMost) {
  const some = Array.from({ length: Math.min(connectingMost, viewers - n) }, (_, i) => open(n + i));
  sockets.push(...(await Promise.all(some)));
}
await change('PUT', 'pin.placed', demo.product); // the first one warms up
await change('DELETE', 'pin.removed', demo.product);
const before = await reach();
const times = [];
for (let n = 0; n < pins; n++) {
  times.push(await change(n % 2 ? 'DELETE' : 'PUT', n % 2 ? 'pin.removed' : 'pin.placed', demo.product));
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const after = (await reach()).map(({ le, count }, i) => ({ le, count: count - before[i].count }));
const total = after.at(-1).count;
const most = after.find(({ count }) => count >= 0.99 * total)?.le;
times.sort((a, b) => a - b);
const at = (share) => Math.round(times[Math.min(times.length - 1, Math.ceil(share * times.length) - 1)]);
console.log(
  JSON.stringify({
    viewers,
    pins,
    ms: { p50: at(0.5), p99: at(0.99), worst: at(1) },
    server: { passes: total, p99_at_most_ms: most * 1000 },
  }),
);
process.exit(0);
