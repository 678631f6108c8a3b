import { execa } from 'execa';
import { fileURLToPath } from 'node:url';

const fixture = fileURLToPath(new URL('stopped-runner-fixture.mjs', import.meta.url));

describe('a consumer that is stopped while a broker is lost', () => {
  test('comes to its end instead of hanging the process', async () => {
    const { stdout, timedOut } = await execa(process.execPath, [fixture], {
      timeout: 30_000,
      killSignal: 'SIGKILL',
      reject: false,
    });
    expect({ stdout, timedOut }).toEqual({ stdout: 'stopped', timedOut: false });
  }, 60_000);
});
