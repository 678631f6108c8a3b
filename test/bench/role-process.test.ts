import { resolve } from 'node:path';
import { openBenchLog } from '../../bench/support/bench-log.js';
import { whenHeld, whenReady } from '../../bench/support/fold-figures.js';
import { startRole } from '../../bench/support/role-process.js';
import { describeWithBroker, testBroker } from '../support/broker.js';

const projectDir = resolve('.');

describeWithBroker('the roles that a bench starts', () => {
  test('log what it waits for', async () => {
    const bench = await openBenchLog(testBroker(), projectDir, 0);
    const [orchestrator, worker] = [
      startRole(projectDir, 'orchestrator', bench.env),
      startRole(projectDir, 'worker', bench.env),
    ];
    try {
      for (const ready of await Promise.all([whenHeld(orchestrator), whenReady(worker)]))
        expect(ready.cpuSeconds).toBeGreaterThan(0);
    } finally {
      await Promise.all([orchestrator.stop(), worker.stop()]);
      await bench.close();
    }
  });
});
