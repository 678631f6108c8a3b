// npm run docs:attacks: writes docs/attack-cases.md, and the table in docs/security.md, from test/security/fixtures.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { attackCases, attacksPage, attackTable } from './docs/attacks-page.mjs';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const fixtures = path('test/security/fixtures');
writeFileSync(path('docs/attack-cases.md'), attacksPage(fixtures));

const page = path('docs/security.md');
const text = readFileSync(page, 'utf8');
const place = /(?<=<!-- table by class -->\n)[^]*?(?=<!-- end of the table -->)/;
if (!place.test(text)) throw new Error('docs/security.md has no place for the table by class');
writeFileSync(
  page,
  text.replace(place, () => `${attackTable(attackCases(fixtures))}\n`),
);
process.stdout.write('docs/attack-cases.md and the table in docs/security.md are written.\n');
