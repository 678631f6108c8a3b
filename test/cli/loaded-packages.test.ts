/** A start takes as long as the packages that it loads: what a process does not use is not loaded. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createTestClone, type TestClone } from './support/clone.js';
import { MEMORY, runInPipe } from './support/ravenhelm.js';

let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
});
afterAll(() => clone.remove());

/** The packages of which a process of this command has loaded something; Node writes each script that it has run. */
async function packagesOf(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Set<string>> {
  const directory = join(clone.dir, 'scripts-that-ran');
  rmSync(directory, { recursive: true, force: true });
  expect((await runInPipe(clone, args, { ...env, NODE_V8_COVERAGE: directory })).code).toBe(0);
  const scripts = readdirSync(directory).flatMap((file) => scriptsIn(readFileSync(join(directory, file), 'utf8')));
  return new Set(scripts.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []));
}

function scriptsIn(text: string): readonly string[] {
  const { result } = JSON.parse(text) as { readonly result: readonly { readonly url: string }[] };
  return result.map(({ url }) => url);
}

test('a mission without hosted models, health address and local stack loads none of their packages', async () => {
  const loaded = await packagesOf([...MEMORY, 'run', 'missions/quick.yaml']);
  expect(loaded).toContain('zod');
  for (const unused of ['@anthropic-ai/sdk', 'openai', 'execa', 'fastify']) expect(loaded).not.toContain(unused);
});

test('a process with a health address loads the package that serves it', async () => {
  const address = { RAVENHELM_HTTP: '127.0.0.1:0' };
  expect(await packagesOf([...MEMORY, 'run', 'missions/quick.yaml'], address)).toContain('fastify');
});
