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
        () => presented(page, wanted, marks[name]),
        patience,
      );
    }),
  );
  return result;
}

/** presented lists [burnt-in number, whether the card is as wanted] of each frame since the mark, once that is told enough. */
function presented(page, wanted, mark) {
  return page.evaluate(
    ([wanted, product, mark]) => {
      const frames = eye.frames
        .filter((frame) => frame.index >= mark)
        .map((frame) => [frame.number, Number(frame.pins.includes(product) === wanted)]);
      const change = frames.findIndex((frame) => frame[1] === 1);
      return change >= 0 && frames.length > change + 30 ? frames : null;
    },
    [wanted, demo.product, mark],
  );
}
