// The player's ladder in a real browser. Where no WebRTC media pass there is a picture over LL-HLS soon; when they pass
// again the viewer is moved to WebRTC without a black picture; a network that was cut is found again in the same session;
// a device that was offline goes on without a reload.
import { demo, origin, patience, phone, ready, run, until } from './lib.mjs';
import { mediaThrough, udpProxy } from './net.mjs';

const watched = `${origin}/b/${demo.broadcast}`;

await run(async (chrome) => {
  const proxy = await udpProxy(Number(ready.webrtc.split(':').pop()));
  try {
    return { blocked: await blocked(chrome, proxy), cut: await cut(chrome, proxy), offline: await offline(chrome) };
  } finally {
    proxy.close();
  }
});

/** blocked opens the page where no media pass, and lets them pass later. */
async function blocked(chrome, proxy) {
  proxy.cut = true;
  const page = await phone(chrome);
  await mediaThrough(page, proxy);
  await page.goto(watched);
  await until('a picture', () => page.evaluate(() => eye.firstFrameAt), patience);
  const result = await page.evaluate(() => ({
    firstFrame: Math.round(eye.firstFrameAt - eye.videoAt),
    over: eye.frames[0]?.transport,
  }));
  await page.waitForTimeout(2000);
  proxy.cut = false;
  const mark = await page.evaluate(() => eye.count);
  await until(
    'WebRTC',
    () => page.evaluate(() => document.querySelector('video').dataset.transport === 'whep'),
    patience,
  );
  await until('pictures over WebRTC', () =>
    page.evaluate((from) => eye.frames.filter((f) => f.index >= from && f.transport === 'whep').length > 60, mark),
  );
  const frames = await page.evaluate((from) => eye.frames.filter((f) => f.index >= from), mark);
  const first = frames.findIndex((frame) => frame.transport === 'whep');
  result.moved = {
    gap: Math.round(
      Math.max(...frames.slice(Math.max(1, first - 3), first + 4).map((f, i, all) => (i ? f.at - all[i - 1].at : 0))),
    ),
    black: await page.evaluate(() => eye.black),
    number: frames.slice(first, first + 30).filter((frame) => frame.number >= 0).length,
  };
  result.faults = page.faults;
  await page.close();
  return result;
}

/** cut takes the network away for a few seconds, as between two cells. */
async function cut(chrome, proxy) {
  proxy.cut = false;
  const page = await phone(chrome);
  await mediaThrough(page, proxy);
  const requests = [];
  page.on('request', (request) => {
    if (/\/whep\//.test(request.url()) && !/events/.test(request.url())) requests.push(request.method());
  });
  await page.goto(watched);
  await until('a picture', () => page.evaluate(() => eye.frames.length > 60), patience);
  proxy.cut = true;
  await page.waitForTimeout(Number(process.env.CUT ?? 4000));
  proxy.cut = false;
  const mark = await page.evaluate(() => eye.count);
  const began = Date.now();
  await until('the picture again', () => page.evaluate((from) => eye.count > from + 20, mark), patience);
  const result = {
    back: Date.now() - began,
    requests,
    transport: await page.evaluate(() => document.querySelector('video').dataset.transport),
    faults: page.faults,
  };
  await page.close();
  return result;
}

/** offline takes away all that goes by HTTP, with LL-HLS. */
async function offline(chrome) {
  const page = await phone(chrome);
  await page.goto(`${watched}?transport=hls`);
  await until('a picture', () => page.evaluate(() => eye.frames.length > 60), patience);
  await page.context().setOffline(true);
  await page.waitForTimeout(5000);
  const stood = await page.evaluate(() => document.querySelector('video').dataset.state);
  await page.context().setOffline(false);
  const mark = await page.evaluate(() => eye.count);
  const began = Date.now();
  await until('the picture again', () => page.evaluate((from) => eye.count > from + 20, mark), patience);
  const result = { stood, back: Date.now() - began, faults: page.faults };
  await page.close();
  return result;
}
