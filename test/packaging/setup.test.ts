import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bareClone, type BareClone } from './bare-clone.js';

let clone: BareClone;
beforeEach(async () => {
  clone = await bareClone();
});
afterEach(() => clone.remove());

const mavenRuns = (calls: readonly string[]) =>
  calls.filter((call) => call.startsWith('mvn -q -B -f local-stack/pom.xml'));
const npmRuns = (calls: readonly string[]) => calls.filter((call) => call.startsWith('npm ci'));

/** Like npm ci, with each package as a link, so that one can be deleted. */
const NPM_INTO_A_DIRECTORY = `
const fs = require('node:fs');
const from = ${JSON.stringify(resolve('node_modules'))};
fs.rmSync('node_modules', { recursive: true, force: true });
fs.mkdirSync('node_modules');
for (const name of fs.readdirSync(from)) fs.symlinkSync(from + '/' + name, 'node_modules/' + name);
`;

describe('npm run setup', () => {
  test('brings a bare clone to where it runs, with a line for each step', async () => {
    const { exitCode, stdout } = await clone.setup();
    expect(exitCode).toBe(0);
    for (const step of [
      '[1/4] npm packages: installed',
      '[2/4] build: built',
      '[3/4] programs: all here',
      '[4/4] local broker: fetched',
    ]) {
      expect(stdout).toContain(step);
    }
    expect(stdout).toContain('Local broker: Apache Kafka and the Apicurio registry as two Java processes');
    const calls = await clone.calls();
    expect([npmRuns(calls).length, mavenRuns(calls).length]).toEqual([1, 1]);
    expect((await execa(process.execPath, [join(clone.directory, 'dist/main.js')])).stdout).toBe('it runs');
  });

  test('does nothing the second time', async () => {
    await clone.setup();
    await clone.calls();
    const { exitCode, stdout } = await clone.setup();
    expect(exitCode).toBe(0);
    for (const step of [
      'npm packages: already installed',
      'build: up to date',
      'programs: all here',
      'local broker: already here',
    ])
      expect(stdout).toContain(step);
    const calls = await clone.calls();
    expect([npmRuns(calls), mavenRuns(calls)]).toEqual([[], []]);
  });

  test('builds again when a source changed, and fetches again when a jar is gone', async () => {
    await clone.setup();
    await clone.calls();
    await appendFile(join(clone.directory, 'src/main.ts'), "console.log('still');\n");
    await rm(join(clone.directory, '.ravenhelm/jars/registry/lib/registry.jar'));
    const { stdout } = await clone.setup();
    expect(stdout).toContain('[2/4] build: built');
    expect(stdout).toContain('[4/4] local broker: fetched');
    expect(existsSync(join(clone.directory, '.ravenhelm/jars/registry/lib/registry.jar'))).toBe(true);
    expect(npmRuns(await clone.calls())).toEqual([]);
  });

  test('leaves the jars to Docker where an engine answers', async () => {
    await clone.program('docker', "console.log('27.1.1');");
    await clone.forget('java');
    const { exitCode, stdout } = await clone.setup();
    expect(exitCode).toBe(0);
    expect(stdout).toContain('[4/4] local broker: Docker runs it');
    expect(stdout).toContain('Local broker: Redpanda by Docker');
    expect(mavenRuns(await clone.calls())).toEqual([]);
  });

  test('ends with the compiler’s own words and the next step when a source is wrong', async () => {
    await writeFile(join(clone.directory, 'src/main.ts'), "const port: number = 'nine';\nconsole.log(port);\n");
    const { exitCode, stderr } = await clone.setup();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/build FAILED[^]*src\/main\.ts\(1,7\): error TS2322[^]*npm run setup again/);
    const again = await clone.setup();
    expect(again.exitCode).toBe(1); // a failed build is not taken for a finished one
  });

  test('ends with npm’s message if packages are not available', async () => {
    await clone.program('npm', "console.error('npm error code ENOTFOUND'); process.exit(1);");
    const { exitCode, stdout, stderr } = await clone.setup();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /npm packages FAILED: npm ci .* exited with 1:\nnpm error code ENOTFOUND\n→ Check the network/,
    );
    expect(stdout).not.toContain('build');
  });

  test('a Maven that fails does not leave half a broker behind', async () => {
    await clone.program(
      'mvn',
      "if (process.argv.includes('process-resources')) { console.error('no such artifact'); process.exit(1); }",
    );
    const { exitCode, stdout, stderr } = await clone.setup();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/local broker FAILED[^]*no such artifact/);
    expect(stdout).toContain('Local broker: none: ');
    expect(existsSync(join(clone.directory, '.ravenhelm/jars'))).toBe(false);
  });

  const aptIsUsed = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  (aptIsUsed ? test : test.skip)('as root on Debian or Ubuntu, installs what is missing, and only that', async () => {
    await clone.forget('bwrap');
    const bwrap = join(clone.directory, 'bin-for-tests/bwrap');
    await clone.program('apt-cache');
    await clone.program(
      'apt-get',
      `if (process.argv.includes('install')) require('node:fs').writeFileSync(${JSON.stringify(bwrap)}, ` +
        `'#!/bin/sh\\n', { mode: 0o755 });`,
    );
    const { exitCode, stdout } = await clone.setup();
    expect(exitCode).toBe(0);
    expect(stdout).toContain('missing: bubblewrap');
    expect(stdout).toContain('[3/4] programs: installed bubblewrap');
    expect((await clone.calls()).filter((call) => call.startsWith('apt-get'))).toEqual([
      'apt-get update -q',
      'apt-get install -q -y --no-install-recommends bubblewrap',
    ]);
  });

  (aptIsUsed ? test : test.skip)(
    'an apt-get that fails is reported with the line to run by hand, and the rest continues',
    async () => {
      await clone.forget('bwrap');
      await clone.program('apt-get', "console.error('Unable to fetch some archives'); process.exit(100);");
      const { exitCode, stdout, stderr } = await clone.setup();
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(
        new RegExp(
          'programs FAILED[^]*Unable to fetch some archives\n→ Run it by hand: ' +
            'sudo apt-get update && sudo apt-get install -y bubblewrap',
        ),
      );
      expect(stdout).toContain('[4/4] local broker: fetched');
    },
  );

  (aptIsUsed ? test.skip : test)('elsewhere prints the one line to run and continues', async () => {
    await clone.forget('openssl');
    const { exitCode, stdout } = await clone.setup();
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/\[3\/4\] programs: to install them: .*openssl/);
    expect(stdout).toContain('[4/4] local broker: fetched');
  });

  test('installs again when a package has been deleted, although npm noted that all were there', async () => {
    await clone.program('npm', NPM_INTO_A_DIRECTORY);
    await clone.setup();
    await clone.calls();
    await rm(join(clone.directory, 'node_modules/semver'), { recursive: true });
    expect(await clone.setup()).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('npm packages: installed'),
    });
    expect(npmRuns(await clone.calls())).toHaveLength(1);
  });

  test('waits for npm when it is interrupted, says how to continue, and does so', async () => {
    // Like npm: it takes a while to clean up after Ctrl-C.
    const marks = (name: string) => JSON.stringify(join(clone.directory, name));
    await clone.program(
      'npm',
      `const { writeFileSync } = require('node:fs');
       process.on('SIGTERM', () => setTimeout(() => { writeFileSync(${marks('cleaned')}, ''); process.exit(1); }, 500));
       setInterval(() => {}, 1000);
       writeFileSync(${marks('npm-runs')}, '');`,
    );
    const setup = clone.setup();
    while (!existsSync(join(clone.directory, 'npm-runs'))) await sleep(20);
    setup.kill('SIGTERM');
    expect(await setup).toMatchObject({ exitCode: 143, stderr: 'interrupted; to continue: npm run setup' });
    expect(existsSync(join(clone.directory, 'cleaned'))).toBe(true);
    await clone.program('npm', NPM_INTO_A_DIRECTORY);
    expect(await clone.setup()).toMatchObject({ exitCode: 0 });
  });

  test('of one clone waits while another one runs, and is not stopped by what a killed one left', async () => {
    await clone.program('npm', `setTimeout(() => { ${NPM_INTO_A_DIRECTORY} }, 1000);`);
    const both = await Promise.all([clone.setup(), clone.setup()]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(both.filter(({ stdout }) => /another npm run setup \(pid \d+\) runs/.test(String(stdout)))).toHaveLength(1);
    expect(npmRuns(await clone.calls())).toHaveLength(1);
    await writeFile(join(clone.directory, '.ravenhelm/setup.pid'), `${process.pid}\n`); // alive, and no setup
    expect(await clone.setup()).toMatchObject({ exitCode: 0 });
  });

  test('explains itself, and refuses what it does not know', async () => {
    expect(await clone.setup('--help')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Exit codes') });
    expect(await clone.setup('--quick')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--quick') });
  });
});

describe('bin/ravenhelm.js', () => {
  test('says what to run when nothing is built yet', async () => {
    await execa('cp', ['-r', 'bin', join(clone.directory, 'bin')]);
    const { exitCode, stderr } = await execa(process.execPath, [join(clone.directory, 'bin/ravenhelm.js')], {
      reject: false,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: 'ravenhelm is not built yet. Run: npm run setup' });
  });
});
