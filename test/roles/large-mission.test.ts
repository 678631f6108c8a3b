import { parseMissionFile } from '../support/parse-mission-file.js';
import { createRoster } from '../../src/agent/roster.js';
import { largeMissionFile } from '../support/large-mission.js';
import { longTest } from '../support/quick.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const NAMES = Array.from({ length: 12 }, (_, index) => `agent_${index + 1}`);
/** One step, so that 1,200 tasks take seconds; each agent depends on the two before it, in groups of three. */
const ROSTER = NAMES.map((name, index) =>
  agentSpec(name, {
    concurrency: 10,
    dependsOn: NAMES.slice(index - (index % 3), index),
    playbooks: {
      work: {
        name: 'work',
        steps: [{ name: 'work', command: `${name} works`, unless: null }],
        acceptance: [{ name: 'done', command: `${name} check` }],
      },
    },
  }),
);

longTest('ten waves of 120 tasks are all done, and each task is handed the few results that it needs', async () => {
  const mission = parseMissionFile(
    largeMissionFile({ roster: ROSTER, waves: 10, tasks: 120, playbook: 'work' }),
    'large.yaml',
    createRoster(ROSTER),
  );
  const swarm = await createRoleSwarm({ roster: ROSTER });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  const id = await swarm.submit({ agents: [...mission.agents], plan: mission.plan });
  // The last event only: a report after each of 10,000 records would be most of the work.
  await swarm.until(() => ['mission_completed', 'mission_failed'].includes(swarm.events.at(-1)?.event_type ?? ''));
  const report = await swarm.ended(id);
  expect(report.status).toBe('completed');
  expect(report.tasks.filter(({ status }) => status !== 'verified')).toEqual([]);
  const assigned = swarm.records.flatMap(({ topic, content }) =>
    topic === swarm.topics.coordination && content.kind === 'event' && content.event.event_type === 'task_assigned'
      ? [content.event.payload]
      : [],
  );
  const tasks = assigned.filter(({ kind }) => kind === 'task');
  expect(new Set(tasks.map(({ task_id }) => task_id)).size).toBe(1_200);
  // Each result is there: what is depended on is handed over.
  expect(tasks.filter(({ inputs, dependencies }) => inputs.length !== dependencies.length)).toEqual([]);
  // Of itself and of each of two agents: at most four, or a share of a wave that is dealt out among ten or more.
  const most = Math.max(...tasks.map(({ inputs }) => inputs.length));
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(3 * 4);
  const all = tasks.reduce((sum, { inputs }) => sum + inputs.length, 0);
  expect(all).toBeLessThanOrEqual(tasks.length * 3 * 2);
});
