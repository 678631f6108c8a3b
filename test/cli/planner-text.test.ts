import { eventLine } from '../../src/cli/event-line.js';
import { planText } from '../../src/cli/plan-text.js';
import { progressFrame } from '../../src/cli/progress-frame.js';
import { reportText } from '../../src/cli/report-text.js';
import { planOf, planTask } from '../domain/support/mission-log.js';
import { event, MISSION, report, task } from './support/samples.js';

const PLAIN = { colors: false, columns: null, nowMs: 0, command: (words: string) => words };
const plan = {
  ...planOf([]),
  waves: [{ wave_number: 1, rationale: '', tasks: [planTask('env_agent', 1, { playbook: 'platform-env' })] }],
};
const proposal = (planner: string, model: string) =>
  eventLine(
    event('plan_proposed', {
      mission_id: MISSION,
      revision: 1,
      planner,
      model,
      refusals: [],
      plan,
      tokens_in: 0,
      tokens_out: 0,
      cost_usd: 0,
      owner: null,
    }),
  );
const frameOf = (shown: ReturnType<typeof report>) =>
  progressFrame(shown, { columns: 100, elapsedMs: 0, nowMs: 0, runningMs: () => 0 })
    .map((line) => line.map(({ text }) => text).join(''))
    .join('\n');

describe('a playbook that a planner chose', () => {
  const chosen = task({
    agent: 'env_agent',
    wave: 1,
    status: 'verified',
    playbook: 'platform-env',
    planned_by: 'order',
  });
  const own = { ...chosen, planned_by: 'mission' };

  test('is shown as such in the plan', () => {
    expect(planText(plan, 'order')).toContain('playbook platform-env (chosen by order)');
    expect(planText(plan, 'anthropic:claude')).toContain('playbook platform-env (chosen by anthropic:claude)');
    expect(planText(plan, 'mission')).toContain('playbook platform-env\n');
  });

  test('is shown as such while the mission runs', () => {
    expect(proposal('openai', 'openai:gpt')).toContain(
      'by openai:gpt: 1 wave, 1 task, playbooks it chose: platform-env',
    );
    expect(proposal('mission', '')).not.toContain('platform-env');
    expect(frameOf(report([chosen]))).toContain('platform-env (chosen by order)');
    expect(frameOf(report([own]))).not.toContain('platform-env');
  });

  test('is shown as such in the report', () => {
    const ran = { ...chosen, steps: 1 };
    expect(reportText(report([ran]), PLAIN)).toContain('playbook platform-env (chosen by order)');
    expect(reportText(report([{ ...ran, planned_by: 'mission' }]), PLAIN)).not.toContain('platform-env');
  });
});

describe('a planner that cannot be reached', () => {
  const waiting = report([], {
    status: 'planning',
    planner_wait: {
      calls: 3,
      error: 'no planner model can be reached: x: refused',
      retry_in_ms: 12_300,
      code: 'planner_unreachable',
    },
  });
  const text =
    'the planner could not be reached in 3 calls; the next call comes after 12.3 s: ' +
    'no planner model can be reached: x: refused';

  test('is shown while the mission waits, and in its status', () => {
    expect(frameOf(waiting)).toContain(text);
    expect(reportText(waiting, PLAIN)).toContain(text);
    const asking = report([], {
      planner_wait: { calls: 1, error: null, retry_in_ms: null, code: 'planner_unreachable' },
    });
    expect(reportText(asking, PLAIN)).toContain('in 1 call; it is being asked again\n');
  });

  test('is an event line with the time of the next call', () => {
    const used = { tokens_in: 0, tokens_out: 0, cost_usd: 0, owner: null };
    const failed = { mission_id: MISSION, revision: 2, error: 'refused', ...used };
    expect(eventLine(event('plan_failed', { ...failed, code: 'planner_unreachable', retry_in_ms: 12_300 }))).toMatch(
      /revision 2: refused; asked again in 12\.3 s$/,
    );
    expect(eventLine(event('plan_failed', { ...failed, code: 'unknown_agents', retry_in_ms: 1_000 }))).toMatch(
      /revision 2: refused; asked again when they are there$/,
    );
    expect(eventLine(event('plan_failed', { ...failed, code: 'planning_failed', retry_in_ms: null }))).toMatch(
      /revision 2: refused$/,
    );
  });
});
