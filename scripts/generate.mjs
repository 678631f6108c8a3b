// Writes the files that are made from other sources (npm run api, docs:events, docs:metrics, docs:attacks,
// schema:mission, grafana), or, with --check, says which of them are not current. `npm run check` runs the second,
// after a build.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { attackCases, attacksPage, attackTable } from './docs/attacks-page.mjs';
import { eventsPage } from './docs/events-page.mjs';
import { missionsDashboard, swarmDashboard } from './docs/grafana.mjs';
import { metricsPage } from './docs/metrics-page.mjs';
import { apiReport } from './steps/api-report.mjs';
import { build } from './steps/build.mjs';
import { root } from './steps/run.mjs';

const path = (name) => join(root, name);
const read = (file) => readFileSync(path(file), 'utf8');
const attacks = path('test/security/fixtures');

function tableInSecurityPage() {
  const text = read('docs/security.md');
  const place = /(?<=<!-- table by class -->\n)[^]*?(?=<!-- end of the table -->)/;
  if (!place.test(text)) throw new Error('docs/security.md has no place for the table by class');
  return text.replace(place, () => `${attackTable(attackCases(attacks))}\n`);
}

async function missionSchema() {
  const { missionJsonSchema } = await import('../dist/agent/mission-file.js');
  return `${JSON.stringify(missionJsonSchema(), null, 2)}\n`;
}

async function metrics() {
  const { METRICS } = await import('../dist/telemetry/metric-catalog.js');
  return metricsPage(METRICS);
}

/** What each command writes. `built`: it reads dist/. */
const COMMANDS = {
  api: { built: true, files: { 'etc/ravenhelm.api.md': apiReport } },
  'docs:events': { files: { 'docs/events.md': () => eventsPage(path('schemas')) } },
  'docs:metrics': { built: true, files: { 'docs/metrics.md': metrics } },
  'docs:attacks': {
    files: { 'docs/attack-cases.md': () => attacksPage(attacks), 'docs/security.md': tableInSecurityPage },
  },
  grafana: {
    files: {
      'deploy/grafana/dashboards/ravenhelm-swarm.json': swarmDashboard,
      'deploy/grafana/dashboards/ravenhelm-missions.json': missionsDashboard,
    },
  },
  'schema:mission': { built: true, files: { 'missions/mission.schema.json': missionSchema } },
};

const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true });
const names = positionals.length > 0 ? positionals : Object.keys(COMMANDS);
const unknown = names.filter((name) => !Object.hasOwn(COMMANDS, name));
if (unknown.length > 0) {
  process.stderr.write(`No such page: ${unknown.join(', ')}. There are: ${Object.keys(COMMANDS).join(', ')}.\n`);
  process.exit(2);
}
if (names.some((name) => COMMANDS[name].built)) await build();

for (const name of names) {
  for (const [file, text] of Object.entries(COMMANDS[name].files)) {
    const wanted = await text();
    if (!values.check) {
      writeFileSync(path(file), wanted);
      process.stdout.write(`${file}: written\n`);
    } else if (read(file) !== wanted) {
      process.stderr.write(`${file} is not current. Write it with: npm run ${name}\n`);
      process.exitCode = 1;
    }
  }
}
