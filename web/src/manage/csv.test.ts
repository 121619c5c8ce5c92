import { expect, test } from 'vitest';
import { decimal, fileName, toCSV } from './csv';

test('cells are quoted where they must be', () => {
  expect(toCSV([['a', 'b,c', 'say "x"', 'two\nlines', 3, undefined]])).toBe(
    '\ufeffa,"b,c","say ""x""","two\nlines",3,\r\n',
  );
});

test('a title is no formula, a number stays one', () => {
  expect(toCSV([['=1+1', '@x', '-a', -5]])).toBe("\ufeff'=1+1,'@x,'-a,-5\r\n");
});

test('minor units are written exactly', () => {
  expect(decimal(2905, 'EUR')).toBe('29.05');
  expect(decimal(5, 'EUR')).toBe('0.05');
  expect(decimal(-120, 'EUR')).toBe('-1.20');
  expect(decimal(500, 'JPY')).toBe('500');
  expect(decimal(1234, 'KWD')).toBe('1.234');
});

test('file names keep letters of every script', () => {
  expect(fileName('Friday: “night” market', 'csv')).toBe('Friday-night-market.csv');
  expect(fileName('سوق الليل', 'csv')).toBe('سوق-الليل.csv');
  expect(fileName('///', 'csv')).toBe('hawker.csv');
});
