// npm run test:nodes: the unit tests and one mission on other supported versions of node.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './steps/build.mjs';
import { installNode, LOWEST_NODE, NODE_VERSIONS } from './steps/nodes.mjs';
import { StepFailed } from './steps/run.mjs';
import { runStages } from './steps/stages.mjs';
import { COVERING_FOLDERS } from './steps/test-folders.mjs';

const HELP = `npm run test:nodes [-- VERSION…]: the unit tests and one mission on other versions of Node.js.

  --coverage   on the first version the tests that npm run coverage runs are run as it runs them, with its floors

Versions: ${NODE_VERSIONS.join(' and ')} unless some are named. ${LOWEST_NODE} is the lowest supported version:
  npm run test:nodes -- ${LOWEST_NODE}
Each is fetched once from npm, for Linux on x64, and kept in .ravenhelm/node. Elsewhere the command does nothing.

Exit codes: 0 passed or nothing to do, 1 a stage failed, 2 wrong use or a version that cannot be fetched.
`;

process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  const { help, coverage, versions, problem } = readArguments(args);
  if (problem !== undefined) {
    process.stderr.write(`${problem}\nSee npm run test:nodes -- --help\n`);
    return 2;
  }
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    const here = `${process.platform} on ${process.arch}`;
    process.stdout.write(
      `SKIPPED: node ${versions.join(' and ')} are only fetched for Linux on x64, and this is ${here}. ` +
        'Install them yourself and run npm run test:unit with each.\n',
    );
    return 0;
  }
  return testOn(versions, coverage);
}

function readArguments(args) {
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { help: { type: 'boolean', short: 'h' }, coverage: { type: 'boolean' } },
      allowPositionals: true,
    });
    const wrong = positionals.find((version) => !/^\d+\.\d+\.\d+$/.test(version));
    if (wrong !== undefined) return { problem: `${wrong} is no version of Node.js such as ${LOWEST_NODE}.` };
    return {
      help: values.help === true,
      coverage: values.coverage === true,
      versions: positionals.length === 0 ? NODE_VERSIONS : positionals,
    };
  } catch (error) {
    return { problem: error.message };
  }
}

async function testOn(versions, coverage) {
  const workspaces = await mkdtemp(join(tmpdir(), 'ravenhelm-nodes-'));
  try {
    await build();
    const nodes = await Promise.all(versions.map(async (version) => ({ version, node: await installNode(version) })));
    const failed = await runStages(
      nodes.flatMap(({ version, node }, index) =>
        stagesOf({ version, node, workspaces, coverage: coverage && index === 0 }),
      ),
    );
    process.stdout.write(failed.length === 0 ? 'test:nodes passed\n' : `test:nodes failed: ${failed.join(', ')}\n`);
    return failed.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    process.stderr.write(`${error.message}\n→ ${error.nextStep}\n`);
    return 2;
  } finally {
    await rm(workspaces, { recursive: true, force: true });
  }
}

function stagesOf({ version, node, workspaces, coverage }) {
  // What a test starts by the name node must be the same version. In RAVENHELM_TEST_RESULTS .ci/run counts the tests of
  // the whole suite.
  const env = { ...process.env, PATH: `${join(node, '..')}:${process.env.PATH}`, RAVENHELM_TEST_RESULTS: '' };
  const jest = (config) => [node, 'scripts/test.mjs', '--config', `jest.${config}.config.mjs`, '--silent'];
  const workspace = join(workspaces, version);
  const covering = { name: `node ${version}: coverage`, command: jest('coverage'), env };
  const leftOut = coverage ? { RAVENHELM_TEST_LEAVE_OUT: COVERING_FOLDERS.join() } : {};
  return [
    ...(coverage ? [covering] : []),
    {
      name: `node ${version}: ${coverage ? 'the other unit tests' : 'unit tests'}`,
      command: jest('unit'),
      env: { ...env, ...leftOut },
    },
    {
      name: `node ${version}: a mission`,
      command: [node, 'bin/ravenhelm.js', 'run', 'missions/hello.yaml', '--log', 'memory', '--workspace', workspace],
      env,
    },
  ];
}
