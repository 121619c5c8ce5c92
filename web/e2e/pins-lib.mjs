// Pins for journeys and for the long run: pin, and tell what each player presented.
import { api, demo, until } from './lib.mjs';

/** change pins or unpins and returns the frames that each player presented until some after the card had come or gone. */
export async function change(pages, method, wanted, patience = 25_000) {
  const marks = {};
  for (const [name, page] of Object.entries(pages)) marks[name] = await page.evaluate(() => eye.count);
  const body = method === 'PUT' ? {} : undefined;
  const pin = await api(method, `/v1/broadcasts/${demo.broadcast}/pins/${demo.product}`, demo.tokens.creator, body);
  const result = { at: wanted ? pin.from : pin.until };
  await Promise.all(
    Object.entries(pages).map(async ([name, page]) => {
      result[name] = await until(
        `the card to ${wanted ? 'come' : 'go'} over ${name}`,
        () => presented(page, wanted, marks[name], demo.product),
        patience,
      );
    }),
  );
  return result;
}

/** presented lists [burnt-in number, whether the card is as wanted] of each frame since the mark, once that is told enough. */
function presented(page, wanted, mark, product) {
  return page.evaluate(
    ([wanted, product, mark]) => {
      const frames = eye.frames
        .filter((frame) => frame.index >= mark)
        .map((frame) => [frame.number, Number(frame.pins.includes(product) === wanted), frame.index]);
      const change = frames.findIndex((frame) => frame[1] === 1);
      return change >= 0 && frames.length > change + 30 ? frames : null;
    },
    [wanted, product, mark],
  );
}

/** place pins or unpins a product. It returns the media time, and for each player the frame before which nothing counts. */
export async function place(pages, broadcast, product, on) {
  const marks = {};
  for (const [name, page] of Object.entries(pages)) marks[name] = await page.evaluate(() => eye.count);
  const pin = await api(
    on ? 'PUT' : 'DELETE',
    `/v1/broadcasts/${broadcast}/pins/${product}`,
    demo.tokens.creator,
    on ? {} : undefined,
  );
  return { at: on ? pin.from : pin.until, product, on, marks };
}

/**
 * told returns the frames that each player presented from a change's mark until some after the card had come or gone. What
 * goes counts from when it came: a viewer who is behind has not seen it come when it is unpinned.
 */
export async function told(pages, { product, on, marks, came }, patience) {
  const result = {};
  const at = {};
  for (const [name, page] of Object.entries(pages)) {
    const mark = Math.max(marks[name], came?.[name] ?? 0);
    result[name] = await until(
      `the card to ${on ? 'come' : 'go'} over ${name}`,
      () => presented(page, on, mark, product),
      patience,
    );
    at[name] = result[name].find((frame) => frame[1] === 1)[2];
  }
  return { frames: result, came: at };
}
