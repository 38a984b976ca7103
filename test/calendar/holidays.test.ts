import { expect, test } from 'vitest';
import { holidaysOf } from '../../src/calendar/holidays.ts';

const names = (year: number) => Object.fromEntries([...holidaysOf(year)].sort());

test('the ten holidays of 2026 have their names, and Independence Day is observed on the Friday', () => {
  expect(names(2026)).toEqual({
    '2026-01-01': "New Year's Day",
    '2026-01-19': 'Martin Luther King Jr. Day',
    '2026-02-16': "Washington's Birthday",
    '2026-04-03': 'Good Friday',
    '2026-05-25': 'Memorial Day',
    '2026-06-19': 'Juneteenth',
    '2026-07-03': 'Independence Day (observed)',
    '2026-09-07': 'Labor Day',
    '2026-11-26': 'Thanksgiving Day',
    '2026-12-25': 'Christmas Day',
  });
});

test('a New Year’s Day on a Saturday is not observed, on a Sunday it is on Monday', () => {
  expect([...holidaysOf(2022).keys()].filter((date) => date < '2022-01-10')).toEqual([]);
  expect([...holidaysOf(2021).keys()].filter((date) => date > '2021-12-24')).toEqual([]);
  expect(holidaysOf(2023).get('2023-01-02')).toBe("New Year's Day (observed)");
});

test('Martin Luther King Jr. Day begins in 1998 and Juneteenth in 2022', () => {
  expect(Object.values(names(1997))).not.toContain('Martin Luther King Jr. Day');
  expect(names(1998)['1998-01-19']).toBe('Martin Luther King Jr. Day');
  expect(Object.values(names(2021))).not.toContain('Juneteenth');
  expect(names(2022)['2022-06-20']).toBe('Juneteenth (observed)');
  expect(names(2027)['2027-06-18']).toBe('Juneteenth (observed)');
});

test('Election Day closes every year to 1968, then 1972, 1976 and 1980 only', () => {
  const closing = [];
  for (let year = 1962; year <= 2050; year++) {
    if (Object.values(names(year)).includes('Election Day')) closing.push(year);
  }
  expect(closing).toEqual([1962, 1963, 1964, 1965, 1966, 1967, 1968, 1972, 1976, 1980]);
  expect(names(1966)['1966-11-08']).toBe('Election Day');
  expect(names(1980)['1980-11-04']).toBe('Election Day');
});

test('Washington’s Birthday and Memorial Day keep their dates to 1970 and are Mondays from 1971', () => {
  expect(names(1968)['1968-02-22']).toBe("Washington's Birthday");
  expect(names(1970)['1970-02-23']).toBe("Washington's Birthday (observed)");
  expect(names(1971)['1971-02-15']).toBe("Washington's Birthday");
  expect(names(1969)['1969-05-30']).toBe('Memorial Day');
  expect(names(1971)['1971-05-31']).toBe('Memorial Day');
});

test('Saturday feasts of 1964 and 1969 close the Friday, Memorial Day of 1970 does not', () => {
  expect(names(1964)).toMatchObject({
    '1964-02-21': "Washington's Birthday (observed)",
    '1964-05-29': 'Memorial Day (observed)',
    '1964-07-03': 'Independence Day (observed)',
  });
  expect(names(1969)['1969-02-21']).toBe("Washington's Birthday (observed)");
  expect(Object.values(names(1970)).filter((name) => name.startsWith('Memorial'))).toEqual([]);
});

test('Good Friday follows Easter from its earliest to its latest date', () => {
  expect(names(2008)['2008-03-21']).toBe('Good Friday');
  expect(names(2038)['2038-04-23']).toBe('Good Friday');
  expect(names(2024)['2024-03-29']).toBe('Good Friday');
  expect(names(1981)['1981-04-17']).toBe('Good Friday');
});
