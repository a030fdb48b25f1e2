// The list of violations in src/errors.ts against the tests: a member that no test here names as its expectation fails.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const here = dirname(fileURLToPath(import.meta.url));
const errors = readFileSync(join(here, '../../src/errors.ts'), 'utf8');
const union = /export type Violation =([^;]*);/.exec(errors)?.[1] ?? '';
const members = [...union.matchAll(/'([a-z-]+)'/g)].map((match) => match[1] as string);

it('finds the list', () => {
  expect(members).toContain('bad-identification');
  expect(members.length).toBeGreaterThan(25);
});

it.each(members)('%s has a test', (member) => {
  const files = readdirSync(here).filter((name) => name.endsWith('.test.ts') && name !== 'violations.test.ts');
  // As an argument, as a property to match, or as a row of a table that is an argument then: violation, reason, bytes.
  const expected = new RegExp(`expectViolation\\([^;]*'${member}'|violation: '${member}'|\\['${member}', \\d+, `);
  expect(files.filter((name) => expected.test(readFileSync(join(here, name), 'utf8'))).length).toBeGreaterThan(0);
});
