/** Whether a mission is open in a workspace is read from the log when it is restored. */
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRoster } from '../../src/agent/roster.js';
import { createClientOn } from '../../src/client/client-on.js';
import { createRedactor } from '../../src/domain/redaction.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import type { Log } from '../../src/ports/log.js';
import { createSystemIds } from '../../src/telemetry/system-clock.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { takeSnapshot } from '../../src/tools/snapshots/take.js';
import { systemClock } from '../contract/system-clock.js';
import { silentLogger } from '../kafka/kafka-under-test.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

let base: string;
beforeEach(async () => void (base = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-restore-')))));
afterEach(() => rm(base, { recursive: true, force: true }));

/** What was watched when it fell behind gets no further record; what is watched later gets all. */
function withLate(log: Log): { readonly log: Log; fallBehind(): void } {
  let isLate = false;
  const watch: Log['watch'] = (options) => {
    const wasBefore = !isLate;
    return log.watch({
      ...options,
      onRecord: (record) => (isLate && wasBefore ? undefined : options.onRecord(record)),
    });
  };
  return { log: { ...log, watch }, fallBehind: () => void (isLate = true) };
}

test('a client whose feed is behind does not restore where a mission has just begun', async () => {
  let how: 'ok' | 'hang' = 'ok';
  const memory = createMemoryLog({ clock: systemClock });
  const swarm = await createRoleSwarm({ roster: [agentSpec('writer')], log: memory, behaviour: () => how });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  const place = { workspace: base, workspace_marker: await workspaceMarker(base) };
  const id = await swarm.submit(place);
  await swarm.ended(id);
  await writeFile(join(base, 'a.txt'), 'one');
  await takeSnapshot(
    { base, workspace: base, holdsState: true },
    ...([
      { workspaceOf: '', mostBytes: Infinity, missionId: id, wave: 0, when: 'settled', redact: createRedactor() },
      new AbortController().signal,
    ] as const),
  );
  await writeFile(join(base, 'a.txt'), 'two');

  const { log, fallBehind } = withLate(memory);
  const client = createClientOn(
    {
      ...{ clock: systemClock, ids: createSystemIds(), random: Math.random, logger: silentLogger },
      ...{ topics: swarm.topics, signal: new AbortController().signal, requester: 'ann' },
    },
    { log, workspaceRoot: '/nowhere', roster: async () => createRoster([]) },
  );
  expect(await client.reports()).toHaveLength(1);
  fallBehind();
  how = 'hang';
  const later = await swarm.submit(place);
  await swarm.until(() => swarm.view.mission(later) !== null);
  await expect(client.restore(id, { wave: 0 })).rejects.toMatchObject({
    code: 'mission_open',
    message: expect.stringContaining(later),
  });
  expect(await readFile(join(base, 'a.txt'), 'utf8')).toBe('two');
  await client.close();
  await swarm.close();
  await memory.close();
});
