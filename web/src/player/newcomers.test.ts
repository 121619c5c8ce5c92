import { describe, expect, it } from 'vitest';
import { Newcomers } from './newcomers';

describe('Newcomers', () => {
  const made = () => {
    const newcomers = new Newcomers(() => 0.5);
    newcomers.known(['main', '360p']);
    return newcomers;
  };

  it('asks for nothing while every name is known', () => {
    const newcomers = made();
    for (let now = 0; now < 60_000; now += 300) expect(newcomers.named(['360p', 'audio', ''], now)).toBe(false);
  });

  it('asks once for names that stay, after a moment', () => {
    const newcomers = made();
    const asked: number[] = [];
    for (let now = 0; now < 120_000; now += 500) if (newcomers.named(['360p', '720p'], now)) asked.push(now);
    expect(asked).toEqual([3500]);
  });

  it('asks for nothing that has gone again', () => {
    const newcomers = made();
    expect(newcomers.named(['720p'], 0)).toBe(false);
    expect(newcomers.named([], 3000)).toBe(false);
    expect(newcomers.named(['720p'], 4000)).toBe(false);
    expect(newcomers.named(['720p'], 7000)).toBe(false);
    expect(newcomers.named(['720p'], 7500)).toBe(true);
  });

  it('asks for the next ones at least thirty seconds later', () => {
    const newcomers = made();
    newcomers.named(['720p'], 0);
    expect(newcomers.named(['720p'], 3500)).toBe(true);
    newcomers.known(['main', '360p', '720p']);
    const asked: number[] = [];
    for (let now = 4000; now < 80_000; now += 500) if (newcomers.named(['720p', '1080p'], now)) asked.push(now);
    expect(asked).toEqual([37_000]);
  });

  it('asks for nothing before the first reading', () => {
    const newcomers = new Newcomers(() => 0);
    expect(newcomers.named(['720p'], 0)).toBe(false);
    expect(newcomers.named(['720p'], 9000)).toBe(false);
  });
});
