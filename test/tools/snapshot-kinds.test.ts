/** Every kind of file that becomes every other kind: what diff says of it, and that restore brings the first back. */
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRedactor } from '../../src/domain/redaction.js';
import { differencesOf, type Manifest } from '../../src/tools/snapshots/manifest.js';
import { planRestore, restore } from '../../src/tools/snapshots/restore.js';
import { snapshotFiles } from '../../src/tools/snapshots/snapshot-files.js';
import { takeSnapshot } from '../../src/tools/snapshots/take.js';
import { workspaceState } from './workspace-state.js';

const MISSION = '20261123-141502-417-p05-x7k2';
const redact = createRedactor([]);
const never = new AbortController().signal;
/** With what a shell, a list or a patch could misread. */
const NAMES = ['plain.txt', '-rf', 'a b\n"c"', 'ü→\u{1f600}', "$(touch x);'", '..hidden'];

type Make = (path: string) => Promise<unknown>;
const file =
  (content: string | Buffer, mode = 0o644): Make =>
  async (path) => {
    await writeFile(path, content);
    await chmod(path, mode);
  };
const KINDS: Readonly<Record<string, Make>> = {
  nothing: async () => undefined,
  'a file': file('one\n'),
  'a file with another content of the same length': file('two\n'),
  'an empty file': file(''),
  'an executable file': file('one\n', 0o755),
  'a file that only its owner reads': file('one\n', 0o600),
  'a file without a last line break': file('one'),
  'a binary file': file(Buffer.from([0, 255, 10, 13, 0, 128])),
  'a link to a file': (path) => symlink('beside', path),
  'a link to nothing': (path) => symlink('missing/there', path),
  'a link to a directory outside': (path) => symlink('/etc', path),
  'an empty directory': (path) => mkdir(path),
  'a directory with files': async (path) => {
    await mkdir(join(path, 'deep'), { recursive: true });
    await writeFile(join(path, 'deep', 'x'), 'x\n');
    await symlink('deep/x', join(path, 'link'));
  },
  'a directory that others may not enter': async (path) => {
    await mkdir(path);
    await chmod(path, 0o700);
  },
};

describe.each(Object.keys(KINDS))('%s', (before) => {
  test.each(Object.keys(KINDS).filter((kind) => kind !== before))('becomes %s, and is restored', async (after) => {
    const base = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-kinds-')));
    const place = { base, workspace: base, holdsState: true };
    const take = async (wave: number): Promise<Manifest> => {
      const options = {
        workspaceOf: '',
        mostBytes: Infinity,
        missionId: MISSION,
        wave,
        when: 'settled',
        redact,
      } as const;
      await takeSnapshot(place, options, never);
      const taken = await snapshotFiles(base, MISSION).read(wave);
      if (taken === null) throw new Error(`there is no snapshot ${wave}`);
      return taken;
    };
    try {
      await mkdir(join(base, '.ravenhelm'));
      await writeFile(join(base, 'beside'), 'beside\n');
      for (const name of NAMES) await KINDS[before]?.(join(base, name));
      const then = await workspaceState(base);
      const first = await take(0);
      for (const name of NAMES) await rm(join(base, name), { recursive: true, force: true });
      for (const name of NAMES) await KINDS[after]?.(join(base, name));
      const second = await take(1);

      const changed = new Set(differencesOf(first, second).map(({ path }) => path));
      for (const name of NAMES)
        expect([...changed].some((path) => path === name || path.startsWith(`${name}/`))).toBe(true);
      expect(changed).not.toContain('beside');

      const plan = await planRestore(place, first, never);
      expect(await restore(place, plan, snapshotFiles(base, MISSION).objects, never)).toEqual([]);
      expect(await workspaceState(base)).toEqual(then);
      expect((await planRestore(place, first, never)).changes).toEqual([]);
    } finally {
      await rm(base, { recursive: true, force: true });
    }
  });
});
