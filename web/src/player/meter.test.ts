import { describe, expect, it } from 'vitest';
import { Meter } from './meter';
import { upgradeWait } from './plan';

describe('Meter', () => {
  it('turns counters into rates between two readings', () => {
    const meter = new Meter();
    expect(meter.read({ bytes: 1000, frames: 10 }, 0)).toMatchObject({ rate: undefined, bitrate: undefined });
    expect(meter.read({ bytes: 126_000, frames: 40, width: 540 }, 1000)).toMatchObject({
      rate: 30,
      bitrate: 1_000_000,
      width: 540,
    });
  });

  it('begins anew with another session', () => {
    const meter = new Meter();
    meter.read({ bytes: 5000 }, 0);
    meter.forget();
    expect(meter.read({ bytes: 10 }, 1000).bitrate).toBeUndefined();
    expect(meter.read({ bytes: 5 }, 2000).bitrate).toBeUndefined(); // it counts from zero again
  });
});

describe('upgradeWait', () => {
  it('grows with each try and ends at five minutes, spread by a quarter', () => {
    expect([0, 1, 2].map((tries) => upgradeWait(tries, () => 0.5))).toEqual([12_000, 24_000, 48_000]);
    expect(upgradeWait(50, () => 0.5)).toBe(300_000);
    expect([upgradeWait(0, () => 0), upgradeWait(0, () => 1)]).toEqual([9000, 15_000]);
  });
});
