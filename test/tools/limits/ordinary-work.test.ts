import { existsSync } from 'node:fs';
import { NO_CGROUPS, openCgroups } from '../../../src/tools/cgroups.js';
import { placeForUser, runAsUser } from '../as-user.js';
import { createHarness, removeTemporaryDirectories, type CommandResult } from '../harness.js';

/** The default limits let these do ordinary work. */
interface Work {
  readonly name: string;
  /** What it needs besides node. */
  readonly program: string | null;
  readonly command: string;
  readonly says: RegExp;
}

const JAVA = `cat > Hello.java <<'END'
import java.util.stream.*;
public class Hello {
  public static void main(String[] args) {
    System.out.println(IntStream.range(0, 1000000).parallel().mapToLong(n -> n).sum());
  }
}
END
javac Hello.java && java Hello`;

const WORK: readonly Work[] = [
  {
    name: 'node, with 200 MiB and worker threads',
    program: null,
    command:
      `node -e 'const { Worker } = require("worker_threads"); const held = Buffer.alloc(200 << 20, 1); ` +
      `const ended = () => new Promise((done) => new Worker("", { eval: true }).on("exit", done)); ` +
      `Promise.all([1, 2, 3, 4].map(ended)).then(` +
      `(codes) => console.log(codes.length, held.length))'`,
    says: /^4 209715200\n$/,
  },
  {
    name: 'npm: a package is packed and installed',
    program: '/usr/bin/npm',
    command:
      `mkdir -p dep app && cd dep && echo '{"name":"dep","version":"1.0.0","main":"i.js"}' > package.json && ` +
      `echo 'module.exports = 42' > i.js && npm pack --silent && cd ../app && ` +
      `echo '{"name":"app","version":"1.0.0"}' > package.json && ` +
      `npm install --silent --offline --no-audit --no-fund ../dep/dep-1.0.0.tgz && ` +
      `node -e 'console.log(require("dep"))'`,
    says: /42\n$/,
  },
  {
    name: 'python3, with several processes',
    program: '/usr/bin/python3',
    command: `python3 -c 'import multiprocessing as m; print(sum(m.Pool(4).map(abs, range(-99, 1))))'`,
    says: /^4950\n$/,
  },
  { name: 'java: a class is compiled and runs', program: '/usr/bin/javac', command: JAVA, says: /^499999500000\n$/ },
  { name: 'psql', program: '/usr/bin/psql', command: 'psql --version', says: /^psql \(PostgreSQL\)/ },
];

afterAll(removeTemporaryDirectories);

const installed = WORK.filter(({ program }) => program === null || existsSync(program));
const missing = WORK.filter((work) => !installed.includes(work));
const expectDone = ({ says }: Work, result: CommandResult | undefined) => {
  expect(result).toMatchObject({ outcome: 'ok', stdout: expect.stringMatching(says) });
  expect(result).not.toHaveProperty('limit');
};

if (process.env['RAVENHELM_TEST_PROGRAMS'] === '1')
  test('all of these programs are here', () => expect(missing.map(({ name }) => name)).toEqual([]));
else
  for (const { name, program } of missing) test.skip(`${name}: ${program ?? 'it'} is not installed`, () => undefined);

describe.each([
  ['by cgroups where they can be made', await openCgroups()],
  ['without cgroups', NO_CGROUPS],
])('within the default limits, %s', (_, cgroups) => {
  test.each(installed.map((work) => [work.name, work] as const))('%s', async (__, work) => {
    const harness = await createHarness({ cgroups });
    expectDone(work, await harness.sh(work.command));
  });
});

(process.getuid?.() === 0 ? test : test.skip)(
  'as another user, within the default limits, all of it',
  async () => {
    const script = `
const results = [];
for (const command of ${JSON.stringify(installed.map(({ command }) => command))}) {
  const outcome = await call('execute_terminal_command', { command }, 60000);
  results.push({ ...outcome, ...JSON.parse(outcome.observation) });
}
console.log(JSON.stringify(results));`;
    const results: readonly CommandResult[] = JSON.parse(await runAsUser(placeForUser(), script));
    for (const [index, work] of installed.entries()) expectDone(work, results[index]);
  },
  120_000,
);
