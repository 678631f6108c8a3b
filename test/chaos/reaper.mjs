// Ends what a chaos run has left behind and removes its directory, when standard input closes. Started by site.ts.
// Every process of a run has been started with an environment that names the run's directory, which is unique: HOME of
// the swarm's processes, TMPDIR of the JVMs, RAVENHELM_RUN of the tools; a launcher's name has it.
// Who only looks at the directory's files has not.
import { readdir, readFile, rm } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';

const [dir] = process.argv.slice(2);
if (!dir?.includes('ravenhelm-chaos-')) throw new Error('reaper.mjs DIRECTORY');
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

let word = '';
process.stdin.on('data', (chunk) => (word += chunk));
process.stdin.once('close', async () => {
  for (let left = await processes(); left.length > 0; left = await processes()) {
    for (const pid of left) kill(pid);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const mount of await mounts()) execFileSync('umount', ['-l', mount]);
  if (word.trim() !== 'keep') await rm(dir, { recursive: true, force: true });
});

async function processes() {
  const pids = (await readdir('/proc'))
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && pid !== process.ppid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const read = (name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => ''); // ended meanwhile
      if ((await read('cmdline')).startsWith(`ravenhelm-launcher ${dir}/`)) return [pid];
      const variables = (await read('environ')).split('\0');
      return variables.some(
        (each) => each === `HOME=${dir}` || each === `TMPDIR=${dir}` || each.startsWith(`RAVENHELM_RUN=${dir}/`),
      )
        ? [pid]
        : [];
    }),
  );
  return found.flat();
}

async function mounts() {
  const lines = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  return lines.map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(`${dir}/`));
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
