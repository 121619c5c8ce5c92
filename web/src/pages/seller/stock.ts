/** readDelta reads "+12" or "-3"; undefined where it is no whole number other than 0. */
export function readDelta(text: string): number | undefined {
  const match = /^\s*([+\-−]?)(\d{1,7})\s*$/.exec(text);
  if (!match) return undefined;
  const size = Number(match[2]);
  if (size === 0) return undefined;
  return match[1] === '' || match[1] === '+' ? size : -size;
}
