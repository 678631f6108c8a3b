import { createMemoryLog } from '../../src/memory/memory-log.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { missionRunSuite } from './mission-run-suite.js';

describe('the roles on the in-memory log', () => {
  missionRunSuite({
    open: async () => ({ log: createMemoryLog({ clock: createSystemClock() }), prefix: 'test' }),
    close: (log) => log.close(),
  });
});
