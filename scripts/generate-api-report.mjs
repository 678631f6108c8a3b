// npm run api: writes etc/ravenhelm.api.md, the declarations of everything that the library exports. A test compares it
// with dist/, so that no change of the public surface goes unseen in a review.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { apiReport } from './steps/api-report.mjs';
import { root } from './steps/run.mjs';

await writeFile(join(root, 'etc/ravenhelm.api.md'), await apiReport());
process.stdout.write('etc/ravenhelm.api.md: written\n');
