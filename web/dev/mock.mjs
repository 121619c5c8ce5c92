// A server for looking at the pages without Hawker: dist, an API that answers from memory, a feed, and a test picture as
// HLS where ffmpeg is installed. Run: node dev/mock.mjs [port]; open /b/show. Nothing here is a test of the server.
import { createServer } from 'node:http';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { spawn } from 'node:child_process';

const port = Number(process.argv[2] ?? 8088);
const dist = new URL('../dist/', import.meta.url).pathname;
const media = mkdtempSync(join(tmpdir(), 'hawker-mock-'));
const wide = process.argv.includes('--wide');
const size = wide ? '960x540' : '540x960';
const started = Date.now();

const encoder = spawn(
  'ffmpeg',
  `-hide_banner -loglevel error -re -f lavfi -i testsrc2=size=${size}:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g 30 -c:a aac -f hls -hls_time 1 -hls_list_size 8 -hls_flags program_date_time+delete_segments -hls_segment_type fmp4 index.m3u8`.split(
    ' ',
  ),
  { cwd: media, stdio: ['ignore', 'ignore', 'inherit'] },
);
encoder.on('error', () => console.log('no ffmpeg: pages without a picture'));

const eur = (amount) => ({ amount, currency: 'EUR' });
const picture = (hue) => `/mock/picture/${hue}`;
const variant = (id, title, price, available, before) => ({
  id,
  title,
  price: eur(price),
  compare_at: before ? eur(before) : undefined,
  available,
  quote: `quote-${id}`,
});
const products = [
  [
    'shirt',
    'Linen shirt, loose cut',
    30,
    [
      variant('shirt-s', 'S', 2900, 0, 3900),
      variant('shirt-m', 'M', 2900, 12, 3900),
      variant('shirt-l', 'L', 3100, 40, 3900),
    ],
  ],
  ['lamp', 'Paper lantern', 45, [variant('lamp-1', 'One size', 1450, 6)]],
  ['cups', 'Two glazed cups from the riverside kiln, hand thrown', 200, [variant('cups-1', 'Pair', 3800, 300, 4400)]],
  ['scarf', 'Silk scarf', 330, [variant('scarf-red', 'Red', 5200, 0), variant('scarf-blue', 'Blue', 5200, 0)]],
].map(([id, title, hue, variants]) => ({
  id,
  title,
  picture: picture(hue),
  kind: 'goods',
  state: 'active',
  price: variants[0].price,
  variants,
}));

const state = {
  account: null,
  instruments: [],
  addresses: [],
  orders: [],
  pins: [],
  version: 1,
  offset: 1,
  viewers: 1204,
  show: 'live',
};
const epoch = randomUUID().slice(0, 8);
const position = () => `${epoch}:${state.offset}`;
const mediaTime = () => (Date.now() - started) * 1000;
const pinOf = (id) => {
  const { variants, ...product } = products.find((one) => one.id === id);
  return { id: `pin-${id}-${++state.version}`, product, variants, from: mediaTime() };
};
const broadcast = () => ({
  id: 'show',
  title: 'Evening market: linen and light',
  channel: 'noor',
  channel_name: 'Noor',
  shop: 'shop',
  state: state.show,
  viewers: state.viewers,
  currency: 'EUR',
  started_at: new Date(started).toISOString(),
  anchors: [{ generation: 1, media_time: 0, wall: new Date(started).toISOString() }],
  transports,
});
const transports = [
  { kind: 'whep', url: '/whep/show' },
  { kind: 'hls', url: '/hls/show/index.m3u8' },
];

const sockets = new Set();
function publish(kind, data, at = 0) {
  const from = position();
  state.offset++;
  const event = { id: randomUUID(), kind, v: 1, media_time: at, at: Date.now(), data };
  for (const socket of sockets) sendText(socket, JSON.stringify({ from, to: position(), events: [event] }));
}
const control = {
  pin: (id) => {
    const pin = pinOf(id);
    state.pins.push(pin);
    publish('pin.placed', { pin, version: state.version }, pin.from);
  },
  unpin: (id) => {
    const pin = state.pins.find((one) => one.product.id === id);
    state.pins = state.pins.filter((one) => one !== pin);
    publish('pin.removed', { pin: pin.id, product: id, until: mediaTime(), version: ++state.version }, mediaTime());
  },
  stock: (id, n) => {
    const found = products.flatMap((one) => one.variants).find((one) => one.id === id);
    found.available = Number(n);
    publish('stock.changed', { variant: id, available: found.available });
  },
  state: (name) => {
    state.show = name;
    publish(`broadcast.${name === 'live' ? 'resumed' : name}`, {});
  },
};

const routes = [
  ['GET /v1/me', () => state.account ?? [401, problem(401, 'unauthenticated')]],
  ['POST /v1/accounts', (body) => [201, { id: 'me', ...body }]],
  [
    'POST /v1/sessions',
    (body) => [
      201,
      {
        token: 't',
        account: (state.account = { id: 'me', name: 'Mina', email: body.email, admin: false, memberships: [] }),
      },
    ],
  ],
  ['DELETE /v1/sessions/current', () => ((state.account = null), [204])],
  ['GET /v1/me/instruments', () => ({ items: state.instruments })],
  [
    'POST /v1/me/instruments',
    (body) => [
      201,
      push(state.instruments, {
        id: randomUUID(),
        provider: 'sandbox',
        brand: 'Sandbox',
        last4: body.token.slice(8, 12),
        token: body.token,
      }),
    ],
  ],
  ['GET /v1/me/addresses', () => ({ items: state.addresses })],
  ['POST /v1/me/addresses', (body) => [201, push(state.addresses, { id: randomUUID(), ...body })]],
  ['GET /v1/broadcasts', () => ({ items: state.show === 'ended' ? [] : [broadcast()] })],
  [
    'GET /v1/broadcasts/show/scene',
    () => ({
      position: position(),
      state: state.show,
      broadcast: broadcast(),
      anchors: broadcast().anchors,
      now: mediaTime(),
      pins: state.pins,
      bag: products,
      deals: [],
      viewers: state.viewers,
      version: state.version,
    }),
  ],
  ['POST /v1/broadcasts/show/watch', () => [201, { view_session: 'session', visitor: 'visitor', transports }]],
  [
    'GET /v1/channels/noor',
    () => ({
      id: 'noor',
      handle: 'noor',
      name: 'Noor',
      shop: 'shop',
      shop_name: 'Noor & Daughters',
      live_broadcast: state.show === 'live' ? 'show' : undefined,
    }),
  ],
  ['GET /v1/shops/shop/products', () => ({ items: products })],
  ['POST /v1/checkout', checkout],
  ['GET /v1/orders', () => ({ items: state.orders })],
];

function checkout(body) {
  const instrument = state.instruments.find((one) => one.id === body.instrument);
  const line = body.lines[0];
  const product = products.find((one) => one.variants.some((v) => v.id === line.variant));
  const bought = product.variants.find((one) => one.id === line.variant);
  if (bought.available < line.quantity) return [409, problem(409, 'sold-out')];
  const outcome =
    {
      sandbox_declined: 'declined',
      sandbox_requires_action: 'requires_action',
      sandbox_slow: 'held',
      sandbox_late: 'held',
    }[instrument.token] ?? 'paid';
  if (outcome !== 'declined') control.stock(bought.id, bought.available - line.quantity);
  const order = {
    id: randomUUID(),
    state: outcome,
    currency: 'EUR',
    total: eur(bought.price.amount * line.quantity),
    placed_at: new Date().toISOString(),
    lines: [
      {
        line: 1,
        product: product.id,
        variant: bought.id,
        title: product.title,
        variant_title: bought.title,
        picture: product.picture,
        quantity: line.quantity,
        unit_price: bought.price,
      },
    ],
    next: outcome === 'requires_action' ? { kind: 'redirect', url: '/mock/bank' } : undefined,
  };
  state.orders.unshift(order);
  if (outcome === 'held')
    setTimeout(() => (order.state = instrument.token === 'sandbox_late' ? 'expired' : 'paid'), 6000);
  return [201, { order_id: order.id, ...order }];
}

const push = (list, item) => (list.unshift(item), item);
const problem = (status, code) => ({ type: `https://hawker.live/problems/${code}`, title: code, status, code });
const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.m3u8': 'application/vnd.apple.mpegurl',
};
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:";

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://mock');
  const send = (status, body, type = 'application/json') =>
    response.writeHead(status, { 'Content-Type': type }).end(body);
  const file = (root, name) => {
    try {
      const body = readFileSync(join(root, normalize(`/${name}`)));
      response.setHeader('Content-Security-Policy', policy);
      send(200, body, types[extname(name)] ?? 'application/octet-stream');
    } catch {
      send(404, '{}');
    }
  };
  const [, first, second, third] = url.pathname.split('/');
  if (first === 'mock' && second === 'picture') return send(200, drawing(third), 'image/svg+xml');
  if (first === 'mock' && control[second]) return (control[second](...url.searchParams.values()), send(200, '{}'));
  if (first === 'hls') return file(media, url.pathname.slice('/hls/show/'.length));
  if (first === 'whep') return send(409, JSON.stringify(problem(409, 'b-frames')), 'application/problem+json');
  if (first === 'v1') {
    let text = '';
    for await (const chunk of request) text += chunk;
    const id = /^\/v1\/orders\/(.+)$/.exec(url.pathname)?.[1];
    const route = routes.find(([name]) => name === `${request.method} ${url.pathname}`);
    const answer = id ? state.orders.find((one) => one.id === id) : route?.[1](text ? JSON.parse(text) : {});
    if (answer === undefined) return send(404, JSON.stringify(problem(404, 'not-found')));
    const [status, body] = Array.isArray(answer) ? answer : [200, answer];
    return send(status, status === 204 ? undefined : JSON.stringify(body));
  }
  return url.pathname.startsWith('/assets/') ? file(dist, url.pathname) : file(dist, 'index.html');
});

function drawing(hue) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><rect width="100" height="100" fill="hsl(${Number(hue)} 45% 72%)"/><circle cx="50" cy="54" r="26" fill="hsl(${Number(hue)} 55% 42%)"/></svg>`;
}

server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  sockets.add(socket);
  socket.on('data', (data) => process.argv.includes('--log') && console.log('up', unmask(data)));
  socket.on('close', () => sockets.delete(socket));
  socket.on('error', () => sockets.delete(socket));
});

function sendText(socket, text) {
  const body = Buffer.from(text);
  const head =
    body.length < 126
      ? Buffer.from([0x81, body.length])
      : Buffer.from([0x81, 126, body.length >> 8, body.length & 255]);
  socket.write(Buffer.concat([head, body]));
}

function unmask(data) {
  const start = (data[1] & 127) === 126 ? 4 : 2;
  const mask = data.subarray(start, start + 4);
  return Buffer.from(data.subarray(start + 4).map((byte, i) => byte ^ mask[i & 3])).toString();
}

setInterval(
  () => publish('viewers.changed', { viewers: (state.viewers += Math.round(Math.random() * 9 - 4)) }),
  2000,
).unref();
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/b/show`));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    encoder.kill('SIGKILL');
    rmSync(media, { recursive: true, force: true });
    process.exit(0);
  });
}
