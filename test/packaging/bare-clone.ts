import { execa, type ResultPromise } from 'execa';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A clone with just enough sources, and a PATH of stand-ins that write down how they were called. */
export interface BareClone {
  readonly directory: string;
  /** Runs npm run setup's program. */
  setup(
    ...args: readonly string[]
  ): ResultPromise<{ reject: false; extendEnv: false; env: { PATH: string; HOME: string } }>;
  /** Command lines of the stand-ins since the last call; questions for a version are left out. */
  calls(): Promise<readonly string[]>;
  /** Puts a program on the PATH: a node script. Without a script it just succeeds. */
  program(name: string, script?: string): Promise<void>;
  forget(name: string): Promise<void>;
  remove(): Promise<void>;
}

const COPIED = [
  'scripts',
  'schemas/task-started.avsc',
  'src/local',
  'src/domain/system-error.ts',
  'src/ports/clock.ts',
  'local-stack',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

export async function bareClone(): Promise<BareClone> {
  const directory = await mkdtemp(join(tmpdir(), 'ravenhelm-clone-'));
  const bin = join(directory, 'bin-for-tests');
  await mkdir(bin);
  await writeFile(join(bin, 'package.json'), '{ "type": "commonjs" }'); // the stand-ins use require
  for (const path of COPIED) await cp(resolve(path), join(directory, path), { recursive: true });
  await writeFile(join(directory, 'src/main.ts'), "console.log('it runs');\n");

  const log = join(directory, 'calls.log');
  const program = async (name: string, script = '') => {
    const record =
      `require('node:fs').appendFileSync(${JSON.stringify(log)}, [${JSON.stringify(name)}, ` +
      `...process.argv.slice(2)].join(' ') + '\\n');`;
    await writeFile(join(bin, name), `#!${process.execPath}\n${record}\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  };
  await program('npm', `require('node:fs').symlinkSync(${JSON.stringify(resolve('node_modules'))}, 'node_modules');`);
  await program('mvn', FAKE_MAVEN);
  await program('java', 'console.error(\'openjdk version "17.0.15"\');');
  for (const name of ['bwrap', 'perl', 'setsid', 'setpriv', 'openssl']) await program(name);

  return {
    directory,
    program,
    forget: (name) => rm(join(bin, name)),
    remove: () => rm(directory, { recursive: true, force: true }),
    setup: (...args) =>
      execa(process.execPath, [join(directory, 'scripts/setup.mjs'), ...args], {
        env: { PATH: bin, HOME: directory },
        extendEnv: false,
        reject: false,
      }),
    async calls() {
      const lines = (await readFile(log, 'utf8').catch(() => '')).split('\n'); // nothing was called
      await rm(log, { force: true });
      return lines.filter((line) => line !== '' && !/(-?-version|version)$/.test(line));
    },
  };
}

/** Leaves two jars where the pom would have put them. */
const FAKE_MAVEN = `
const { mkdirSync, writeFileSync } = require('node:fs');
const jars = process.argv.find((word) => word.startsWith('-Dstack.jars='))?.slice('-Dstack.jars='.length);
if (jars !== undefined) {
  mkdirSync(jars + '/kafka', { recursive: true });
  mkdirSync(jars + '/registry/lib', { recursive: true });
  writeFileSync(jars + '/kafka/kafka_2.13-4.4.0.jar', 'kafka');
  writeFileSync(jars + '/registry/lib/registry.jar', 'registry');
}
`;
