// node build.mjs: the build as the build server runs it: reads the regions, makes the table of prices, tests it,
// packs it and publishes it.
import { readdirSync } from 'node:fs';
import { makeTable } from './build/make-table.mjs';
import { pack } from './build/pack.mjs';
import { publish } from './build/publish.mjs';
import { readRegions } from './build/read-regions.mjs';
import { runTests } from './build/run-tests.mjs';

const speaker = (step) => (text) => console.log(`[${step}] ${text}`);

speaker('sources')(`${readdirSync('src').length} products, ${readdirSync('config').length} regions`);
const regions = readRegions('config', speaker('regions'));
const table = makeTable('src', regions, speaker('table'));
const failures = await runTests('test', table, speaker('test'));
if (failures > 0) {
  speaker('test')(`${failures} failed`);
  process.exitCode = 1;
} else pack(table, speaker('pack'));
try {
  publish('dist/prices.json', speaker('publish'));
} catch (error) {
  speaker('publish')(`error: ${error.message}`);
  process.exitCode = 1;
}
