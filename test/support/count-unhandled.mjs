// Loaded before the program (node --import): writes what nothing handled into a file, before the program's own
// handlers.
import { appendFileSync } from 'node:fs';

const file = process.env.RAVENHELM_TEST_UNHANDLED;
for (const origin of ['uncaughtException', 'unhandledRejection']) {
  process.on(origin, (error) =>
    appendFileSync(file, `${origin} in ${process.argv.slice(2).join(' ')}: ${error?.stack ?? error}\n`),
  );
}
