import { expect, test } from 'vitest';
import type { Account, Membership } from '../api/types';
import { runsShop, seesSales, shopsOf } from './data';

const somebody = (admin: boolean, ...memberships: Membership[]): Account => ({
  ...{ id: 'a', name: 'Nour', email: 'nour@example.com', admin },
  memberships,
});
const show = { shop: 's', channel: 'c' };

test('a role at a channel is none at its shop', () => {
  const creator = somebody(false, { shop: 's', channel: 'c', role: 'owner', name: 'Live' });
  expect(shopsOf(creator, ['owner'])).toEqual([]);
  expect(runsShop(creator, 's')).toBe(false);
});

test('who leads the channel, the shop or the house sees what a broadcast sells', () => {
  const sees = (...memberships: Membership[]) => seesSales(somebody(false, ...memberships), show);
  expect(sees({ shop: 's', channel: 'c', role: 'creator', name: '' })).toBe(true);
  expect(sees({ shop: 's', channel: 'c', role: 'owner', name: '' })).toBe(true);
  expect(sees({ shop: 's', role: 'finance', name: '' })).toBe(true);
  expect(sees({ shop: 's', channel: 'c', role: 'moderator', name: '' })).toBe(false);
  expect(sees({ shop: 's', channel: 'other', role: 'creator', name: '' })).toBe(false);
  expect(sees({ shop: 'other', role: 'owner', name: '' })).toBe(false);
  expect(seesSales(somebody(true), show)).toBe(true);
  expect(seesSales(null, show)).toBe(false);
});
