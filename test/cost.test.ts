import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { monthOf, rowOf, totalOf } from '../scripts/month-cost.ts';
import { AWS_PRICES } from '../src/records/aws-prices.ts';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');
const page = read('docs/cost.md');
const shown = page.split('\n').filter((line) => /^\| [^|]+ \| [\d.,]+ \| [^|]+ \| [\d.]+ \| [\d.]+ \|$/.test(line));

test('every line of the cost page is the one that is derived from its assumptions, and the sum is theirs', () => {
  const lines = monthOf(5400);
  expect(shown).toEqual(lines.map(rowOf));
  expect(page).toContain(`| **Together** | | | | **${totalOf(lines).toFixed(2)}** |`);
  expect(read('README.md')).toContain(`about ${Math.round(totalOf(lines))} USD a month`);
});

test('the page says what a larger market costs, and which prices these are', () => {
  for (const symbols of [10_000, 12_000]) {
    const total = totalOf(monthOf(symbols)).toFixed(2);
    expect(page).toContain(`| ${symbols.toLocaleString('en-US')} symbols | ${total} |`);
  }
  expect(page).toContain(AWS_PRICES.asOf);
});

test('jobs, lake and warehouse grow with the symbols; what does not is the same', () => {
  const [small, large] = [monthOf(5400), monthOf(10_800)];
  const grown = small.filter(({ quantity }, index) => large[index]!.quantity > quantity).map(({ what }) => what);
  expect(grown).toEqual(
    small.map(({ what }) => what).filter((what) => /^(Fargate|Public|S3|Aurora, (storage|I))/.test(what)),
  );
});

test('the secrets that are paid for are those that a stage has: of its vendors, and of two users of the warehouse', () => {
  const own = [
    ...read('terraform/warehouse.tf').matchAll(
      /^resource "aws_secretsmanager_secret"|manage_master_user_password = true/gm,
    ),
  ];
  const vendors = (text: string, pattern: RegExp) => pattern.exec(text)![1]!.split(',').length;
  const usual = vendors(read('terraform/variables.tf'), /variable "vendors" \{[^}]*?default\s+= \[([^\]]*)\]/);
  expect(monthOf(5400).find(({ unit }) => unit === 'secret')!.quantity).toBe(usual + own.length);
  const practice = vendors(read('terraform/environments/try.tfvars'), /^vendors\s+= \[([^\]]*)\]/m);
  expect([practice + own.length, read('docs/deploy.md')]).toEqual([
    6,
    expect.stringContaining('running: six secrets,'),
  ]);
});
