// The two linters that judge a compose file; each returns problems as texts.
// node checks/lint.mjs FILE: both of them, for one file.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const TOOLBOX = process.env.TOOLBOX ?? '';
const SERVICES = ['web', 'api', 'admin', 'db', 'cache'];
const STORES = /^(postgres|redis|mysql|mariadb|mongo)(:|$)/;
const SECRET = /(PASSWORD|SECRET|TOKEN|_KEY)$/;

/** The toolbox's: pinned images, ports of the host, names that are used and declared, conditions, variables. */
function consistency(file) {
  const looks = ['services,ports,references', file, '--names', SERVICES.join(), '--env', 'shop.env'];
  const { status, stderr } = spawnSync(process.execPath, [join(TOOLBOX, 'compose.mjs'), ...looks], {
    encoding: 'utf8',
  });
  return status === 0 ? [] : stderr.trim().split('\n');
}

/** The house rules: no secrets in the file, no engine's socket, data stores on loopback only. */
function exposure(file) {
  const yaml = createRequire(join(TOOLBOX, 'lib', 'yaml.mjs'))('yaml');
  const { services } = yaml.parse(readFileSync(file, 'utf8'));
  return Object.entries(services).flatMap(([name, { image = '', environment = {}, volumes = [], ports = [] }]) => [
    ...Object.entries(environment)
      .filter(([key, value]) => SECRET.test(key) && !/^\$\{\w+\}$/.test(String(value)))
      .map(([key]) => `${name}: the value of ${key} is in the file`),
    ...volumes.filter((mount) => /docker\.sock/.test(mount)).map(() => `${name}: has the engine's socket`),
    ...ports
      .filter((port) => STORES.test(image) && !String(port).startsWith('127.0.0.1:'))
      .map((port) => `${name}: a data store is published on every address (${port})`),
  ]);
}

export const LINTERS = { consistency, exposure };

if (process.argv[1]?.endsWith('lint.mjs')) {
  const problems = Object.values(LINTERS).flatMap((lint) => lint(process.argv[2]));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
