// npm run test:nodes: the unit tests and one mission on the other supported versions of node.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './steps/build.mjs';
import { installNode, NODE_VERSIONS } from './steps/nodes.mjs';
import { runStages } from './steps/stages.mjs';

if (process.platform !== 'linux' || process.arch !== 'x64') {
  process.stdout.write(
    `SKIPPED: node ${NODE_VERSIONS.join(' and ')} are only fetched for Linux on x64, and this is ` +
      `${process.platform} on ` +
      `${process.arch}. Install them yourself and run npm run test:unit with each.\n`,
  );
} else {
  await build();
  const workspaces = await mkdtemp(join(tmpdir(), 'ravenhelm-nodes-'));
  try {
    const failed = await runStages(
      (await Promise.all(NODE_VERSIONS.map((version) => stagesOf(version, workspaces)))).flat(),
    );
    process.stdout.write(failed.length === 0 ? 'test:nodes passed\n' : `test:nodes failed: ${failed.join(', ')}\n`);
    process.exitCode = failed.length === 0 ? 0 : 1;
  } finally {
    await rm(workspaces, { recursive: true, force: true });
  }
}

async function stagesOf(version, workspaces) {
  const node = await installNode(version);
  // What a test starts by the name node must be the same version.
  const env = { ...process.env, PATH: `${join(node, '..')}:${process.env.PATH}` };
  const workspace = join(workspaces, version);
  return [
    {
      name: `node ${version}: unit tests`,
      command: [node, 'scripts/test.mjs', '--config', 'jest.unit.config.mjs', '--silent'],
      // Not into the file in which .ci/run counts the tests of the whole suite.
      env: { ...env, RAVENHELM_TEST_RESULTS: '' },
    },
    {
      name: `node ${version}: a mission`,
      command: [node, 'bin/ravenhelm.js', 'run', 'missions/hello.yaml', '--log', 'memory', '--workspace', workspace],
      env,
    },
  ];
}
