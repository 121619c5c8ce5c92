// A real browser offers one picture in three sizes by WHIP; of 360 lines Chromium makes two of them, and each becomes a
// rendition. It lets the largest sleep and wakes it again. Prints what the studio's API said on the way.
import { api, demo, origin, patience, phone, run, until } from './lib.mjs';

await run(async (chrome) => {
  const page = await phone(chrome, { width: 800, height: 600 });
  await page.goto(`${origin}/`);
  await page.evaluate(publish, [demo.stream_key]);
  const result = {};
  result.together = await shows('two pictures', (h) => h.width === 640 && onAir(h) === '180p');
  await page.evaluate(() => awake(false));
  result.asleep = await shows('the next one first', (h) => h.width === 320 && onAir(h) === '');
  await page.evaluate(() => awake(true));
  result.awake = await shows('the largest again', (h) => h.width === 640 && onAir(h) === '180p');
  await page.evaluate(() => leave());
  result.faults = page.faults;
  return result;
});

function onAir(h) {
  const shown = (h.renditions ?? []).filter((one) => one.on_air);
  return shown.map((one) => one.name).join();
}

/** shows waits until the channel's only publisher looks as it should. */
async function shows(what, good) {
  let seen;
  await until(
    what,
    async () => {
      const { items } = await api('GET', `/v1/channels/${demo.channel}/publishers`, demo.tokens.creator);
      [seen] = items;
      return seen !== undefined && good(seen);
    },
    patience,
  ).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify(seen)}`);
  });
  return { width: seen.width, renditions: onAir(seen), codec: seen.video_codec, left_out: seen.left_out };
}

/** publish runs in the page. */
async function publish([key]) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: 640, height: 360, frameRate: 15 },
  });
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const video = connection.addTransceiver(stream.getVideoTracks()[0], {
    direction: 'sendonly',
    streams: [stream],
    sendEncodings: [
      { rid: 'h', maxBitrate: 600_000 },
      { rid: 'm', maxBitrate: 250_000, scaleResolutionDownBy: 2 },
      { rid: 'l', maxBitrate: 100_000, scaleResolutionDownBy: 4 },
    ],
  });
  const h264 = RTCRtpSender.getCapabilities('video').codecs.filter((one) => /h264|rtx/i.test(one.mimeType));
  video.setCodecPreferences(h264);
  connection.addTransceiver(stream.getAudioTracks()[0], { direction: 'sendonly', streams: [stream] });
  await connection.setLocalDescription();
  const response = await fetch('/whip', {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${key}` },
    body: connection.localDescription.sdp,
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  window.leave = () =>
    fetch(response.headers.get('Location'), { method: 'DELETE', headers: { Authorization: `Bearer ${key}` } });
  window.awake = async (on) => {
    const parameters = video.sender.getParameters();
    parameters.encodings[0].active = on;
    await video.sender.setParameters(parameters);
  };
}
