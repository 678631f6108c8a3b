import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DIRECTORY = 'deploy/systemd';
const ANALYZE = '/usr/bin/systemd-analyze';
const UNITS = [
  { file: 'ravenhelm-orchestrator.service', unit: 'ravenhelm-orchestrator.service', role: 'orchestrator' },
  { file: 'ravenhelm-worker@.service', unit: 'ravenhelm-worker@1.service', role: 'worker' },
];
/** Options without which bubblewrap has what it needs: namespaces, a whole /proc, a host name, devices. */
const AGAINST_BUBBLEWRAP =
  /^(RestrictNamespaces|Protect(KernelTunables|Proc|Hostname|ControlGroups)|ProcSubset|PrivateDevices)=/m;

const describeWithSystemd = existsSync(ANALYZE) ? describe : describe.skip;

describeWithSystemd('systemd-analyze verify', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ravenhelm-units-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** The unit with a program that this computer has: verify asks for it. */
  async function verify(unit: string, text: string): Promise<string> {
    const file = join(directory, unit);
    await writeFile(file, text.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
    const { all } = await execa(ANALYZE, ['verify', '--man=no', file], { all: true, reject: false });
    return all;
  }

  test.each(UNITS)('$file has no line that systemd does not know', async ({ file, unit }) => {
    expect(await verify(unit, await readFile(join(DIRECTORY, file), 'utf8'))).toBe('');
  });

  test('names a wrong line, so the tests above can fail', async () => {
    const text = await readFile(join(DIRECTORY, UNITS[0]?.file ?? ''), 'utf8');
    const said = await verify(
      'ravenhelm-orchestrator.service',
      text.replace('Restart=on-failure', 'Restrat=on-failure'),
    );
    expect(said).toMatch(/Restrat/);
  });
});

describe('the units of deploy/systemd', () => {
  const read = (file: string) => readFile(join(DIRECTORY, file), 'utf8');

  test.each(UNITS)('$file: its role; exit code 2 is not tried again; longer to end than steps drain', async (one) => {
    const text = await read(one.file);
    expect(text).toMatch(new RegExp(`^ExecStart=\\S+ --role ${one.role}$`, 'm'));
    expect(text).toMatch(/^RestartPreventExitStatus=2$/m);
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1])).toBeGreaterThanOrEqual(20);
  });

  test('a worker may use bubblewrap, and its own control groups', async () => {
    const text = await read('ravenhelm-worker@.service');
    expect(text).not.toMatch(AGAINST_BUBBLEWRAP);
    expect(text).toMatch(/^Delegate=yes$/m);
    expect(await read('ravenhelm-orchestrator.service')).toMatch(AGAINST_BUBBLEWRAP); // it runs no commands
  });
});
