/** The limits of a call, from the files to the tool and back to the journal. */
import { DEFAULT_LIMITS, type Limits } from '../../src/domain/limits.js';
import type { ToolCall } from '../../src/ports/tools.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

test("a call gets its agent's limits, lowered by its mission's; the limit that it reached is journaled", async () => {
  const calls: ToolCall[] = [];
  const swarm = await createRoleSwarm({
    roster: [agentSpec('cert_agent', { limits: { memory_mb: 512, wall_seconds: 7, processes: 9_000 } })],
    behaviour(_, call) {
      if (call !== undefined) calls.push(call);
      return {
        outcome: 'ok',
        exitCode: 0,
        observation: '{}',
        outputDigest: null,
        durationMs: 1,
        ...(calls.length === 1 ? { limit: 'tmp_size' } : {}),
      };
    },
  });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  const limits = { memory_mb: 1_024, cpu_seconds: 5 };
  await swarm.ended(await swarm.submit({ limits }));
  const expected: Limits = { ...DEFAULT_LIMITS, memory_mb: 512, wall_seconds: 7, processes: 9_000, cpu_seconds: 5 };
  expect(calls.map((call) => call.limits)).toEqual([expected, expected, expected]);
  for (const { timeLimitMs } of calls) expect(timeLimitMs).toBeLessThanOrEqual(7_000);
  const returned = swarm.events.flatMap((event) => (event.event_type === 'tool_returned' ? [event.payload] : []));
  expect(returned.map(({ limit }) => limit)).toEqual(['tmp_size', null, null, null]);
  const assigned = swarm.events.flatMap((event) => (event.event_type === 'task_assigned' ? [event.payload] : []));
  // The decision and the assignment.
  expect(assigned.map((assignment) => assignment.limits)).toEqual([limits, limits]);
  await swarm.close();
});
