// npm run docs:events: writes docs/events.md from schemas/*.avsc.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventsPage } from './docs/events-page.mjs';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
writeFileSync(path('docs/events.md'), eventsPage(path('schemas')));
process.stdout.write('docs/events.md is written.\n');
