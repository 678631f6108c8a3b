// Writes missions/mission.schema.json from the zod schema of mission files. Run it with `npm run schema:mission`.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { missionJsonSchema } from '../dist/agent/mission-file.js';

const target = fileURLToPath(new URL('../missions/mission.schema.json', import.meta.url));
await writeFile(target, `${JSON.stringify(missionJsonSchema(), null, 2)}\n`);
console.log(`wrote ${target}`);
