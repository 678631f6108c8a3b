/** The processes of a mission's running command, found in /proc by the workspace on its sandbox's command line. */
import { readdir, readFile } from 'node:fs/promises';

/** Pids of the sandbox of a mission's command and of everything in it. */
export async function commandProcesses(missionId: string): Promise<ReadonlySet<number>> {
  const all = await processes();
  const found = new Set(
    all.filter(({ command }) => command.startsWith('bwrap\0') && command.includes(missionId)).map(({ pid }) => pid),
  );
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return found;
}

export async function alive(pids: ReadonlySet<number>): Promise<boolean> {
  return (await processes()).some(({ pid, command }) => pids.has(pid) && command !== '');
}

async function processes() {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const read = async (pid: number) => {
    try {
      const [stat, command] = await Promise.all([
        readFile(`/proc/${pid}/stat`, 'utf8'),
        readFile(`/proc/${pid}/cmdline`, 'utf8'),
      ]);
      return [{ pid, command, parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }];
    } catch {
      return []; // ended meanwhile
    }
  };
  return (await Promise.all(pids.map(read))).flat();
}
