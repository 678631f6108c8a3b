/** What a mission may have fits into the records that carry it, with all that is added on the way. */
import { readAgentFile } from '../../src/agent/agent-file.js';
import { ConfigError } from '../../src/agent/config-error.js';
import { parseMissionFile } from '../support/parse-mission-file.js';
import { createPromptJournal } from '../../src/agent/prompt-journal.js';
import { REPAIRS } from '../../src/agent/reading/repairs.js';
import { createRoster } from '../../src/agent/roster.js';
import { FINISH } from '../../src/agent/step.js';
import { turnRecord } from '../../src/agent/turn-record.js';
import { loadSchemas } from '../../src/avro/schemas.js';
import { brokenPrefixRule, createTopicNames, LONGEST_PREFIX } from '../../src/domain/topic-names.js';
import { inputBytes } from '../../src/domain/mission-inputs.js';
import { byteLength, cutToBytes, RECORD_BYTES, SIZES } from '../../src/domain/sizes.js';
import { inputsWithin } from '../../src/domain/task-inputs.js';
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import { agentSpec, loopTask } from '../agent/fakes.js';
import {
  answered,
  claimed,
  completed,
  failed,
  given,
  ID,
  only,
  opened,
  planOf,
  planTask,
  requested,
} from '../domain/support/mission-log.js';
import { eventOf } from '../domain/support/events.js';

const KAFKA_NAME = 249;
const schemas = await loadSchemas('schemas');

/** In a record's value. */
function bytesOf(event: AgentEvent): number {
  const schema = schemas.find(({ eventType }) => eventType === event.event_type);
  if (schema === undefined) throw new RangeError(`no schema for ${event.event_type}`);
  return schema.type.toBuffer(event).length;
}
/** Three bytes of UTF-8 in one character, the most that a character of JavaScript has. */
const WIDE = '\u2713';
const wide = (bytes: number) => WIDE.repeat(Math.floor(bytes / 3));
const roster = createRoster([agentSpec]);

function problemsOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

const mission = (fields: object) => () =>
  parseMissionFile(JSON.stringify({ name: 'm', brief: 'b', ...fields }), 'm.yaml', roster);
const inPlan = (task: object) =>
  mission({ plan: { waves: [{ tasks: [{ agent: agentSpec.name, description: 'd', ...task }] }] } });
const check = (bytes: number) => ({ name: '', command: 'x'.repeat(bytes) });
const checks = (bytes: number) => {
  const list = Array.from({ length: Math.floor(bytes / 90_001) }, () => ({ ...check(90_000), name: 'n' }));
  const left = bytes - list.length * 90_001;
  return left > 1 ? [...list, { name: 'n', command: 'x'.repeat(left - 1) }] : list;
};
const many = (count: number) => Array.from({ length: count }, () => ({ name: 'n', command: 'x' }));
/** Different paths with so many bytes in all. */
const paths = (name: string, bytes: number) =>
  Array.from({ length: Math.ceil(bytes / 700) }, (_, index) =>
    `${name}${index}`.padEnd(Math.min(700, bytes - index * 700), 'x'),
  );
const agent = (fields: object) => {
  const matter = { name: 'a', description: 'd', phase: 1, tools: ['run'], ...fields };
  const content = `---\n${JSON.stringify(matter)}\n---\nYou.`;
  return () => {
    const { problems } = readAgentFile({ text: content, digest: '' }, `${matter.name}.md`, ['run']);
    if (problems.length > 0) throw new ConfigError(problems);
  };
};
const playbook = (fields: object) =>
  agent({ playbooks: { work: { steps: [{ name: 's', command: 'true' }], ...fields } } });

test.each<[string, (size: number) => () => unknown, number]>([
  ["a mission's name", (size) => mission({ name: 'n'.repeat(size) }), SIZES.missionName],
  ['a brief', (size) => mission({ brief: 'b'.repeat(size) }), SIZES.brief],
  ["a task's description", (size) => inPlan({ description: 'd'.repeat(size) }), SIZES.description],
  ["a task's checks", (size) => inPlan({ acceptance: checks(size) }), SIZES.checks],
  ["a mission's checks", (size) => mission({ success: checks(size) }), SIZES.checks],
  ["the number of a task's checks", (size) => inPlan({ acceptance: many(size) }), SIZES.checksCount],
  ["the number of a mission's checks", (size) => mission({ success: many(size) }), SIZES.checksCount],
  ["the number of a playbook's checks", (size) => playbook({ acceptance: many(size) }), SIZES.checksCount],
  [
    'what all inputs of a mission have',
    (size) => mission({ inputs: [{ name: 'in', default: 'x'.repeat(size - 3), description: 'd' }] }),
    SIZES.missionInputs,
  ],
  [
    'the number of inputs',
    (size) => mission({ inputs: Array.from({ length: size }, (_, index) => ({ name: `in${index}`, default: '' })) }),
    SIZES.inputsCount,
  ],
  ['a protected path', (size) => inPlan({ protected: ['p'.repeat(size)] }), SIZES.path],
  [
    'all paths that a task protects and changes',
    (size) => inPlan({ protected: paths('a', size - 30_000), changes: paths('b', 30_000) }),
    SIZES.paths,
  ],
  ["a check's command", (size) => mission({ success: [{ ...check(size), name: 'n' }] }), SIZES.command],
  ["an agent's name", (size) => agent({ name: 'a'.repeat(size) }), SIZES.name],
  [
    "a playbook's name",
    (size) => agent({ playbooks: { ['p'.repeat(size)]: { steps: [{ name: 's', command: 'c' }] } } }),
    SIZES.name,
  ],
  ["a playbook's checks", (size) => playbook({ acceptance: checks(size) }), SIZES.checks],
  [
    "a playbook step's command",
    (size) => playbook({ steps: [{ name: 's', command: 'c'.repeat(size) }] }),
    SIZES.command,
  ],
])('%s may be as large as it may be, and no larger; the error says where, and the limit', (_, read, most) => {
  expect(problemsOf(read(most))).toBe('');
  const problem = problemsOf(read(most + 1));
  expect(problem).toMatch(/^(m\.yaml|a+\.md):\d+:\d+: /);
  expect(problem).toContain(`at most ${most} `);
});

test('sizes are bytes of UTF-8, not characters', () => {
  expect(problemsOf(mission({ brief: wide(SIZES.brief) }))).toBe('');
  expect(problemsOf(mission({ brief: WIDE.repeat(SIZES.brief / 2) }))).toContain(`at most ${SIZES.brief} bytes`);
  for (const text of ['', 'a', 'é', WIDE, '😀', 'a\uD800b', wide(999)])
    expect(byteLength(text)).toBe(Buffer.byteLength(text));
});

test('a text is cut at a whole character, and says so', () => {
  for (const text of [wide(3_000), '😀'.repeat(500), 'x'.repeat(2_000)]) {
    const cut = cutToBytes(text, 1_000);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1_000);
    expect(Buffer.byteLength(cut)).toBeGreaterThan(990);
    expect(cut).toMatch(/ … \(cut\)$/);
    expect(Buffer.from(cut).toString()).toBe(cut);
  }
  expect(cutToBytes('short', 1_000)).toBe('short');
});

test('the largest topic name is one that Kafka takes', () => {
  const names = createTopicNames('p'.repeat(LONGEST_PREFIX));
  expect(brokenPrefixRule(names.prefix)).toBeNull();
  expect(names.tasks('a'.repeat(SIZES.name)).length).toBeLessThanOrEqual(KAFKA_NAME);
  expect(names.deadLetters.length).toBeLessThanOrEqual(KAFKA_NAME);
});

test('two agents cannot share a topic', () => {
  expect(() => createRoster([agentSpec, { ...agentSpec, digest: 'another' }])).toThrow(/is used twice/);
});

describe('the largest assignment', () => {
  const waves = planOf([Array.from({ length: 40 }, () => 'env_agent'), ['proxy_agent']]);
  const ids = Array.from({ length: 40 }, (_, index) => `deploy-env_agent-wave1${index === 0 ? '' : `-${index + 1}`}`);
  const largest = planTask('proxy_agent', 2, {
    description: wide(SIZES.description),
    acceptance: checks(SIZES.checks),
    dependencies: ids,
    playbook: 'work',
    protected: ['data', ...paths('a', SIZES.paths / 2 - 4)],
    changes: paths('b', SIZES.paths / 2),
  });
  /** What it writes beside the largest takes all that an assignment has for it. */
  const beside = planTask('env_agent', 2, {
    changes: paths('data/c', 8_100),
    acceptance: [{ name: 'n', command: `cat ${paths('data/n', 8_100).join(' ')}` }],
  });
  const first = (waves.waves[0]?.tasks ?? []).map((task, index) => ({ ...task, task_id: ids[index] ?? '' }));
  const plan = {
    ...waves,
    waves: waves.waves.map((wave, index) => ({ ...wave, tasks: index === 0 ? first : [largest, beside] })),
  };
  const request = requested({
    brief: wide(SIZES.brief),
    plan,
    on_failure: 'ask',
    retries: 0,
    brief_trusted: false,
    workspace: `/${'w'.repeat(4_000)}`,
    inputs: [{ name: 'all', type: 'string', value: wide(SIZES.missionInputs - 3), description: '' }],
  });

  test('fits into a record, with results, failures and an answer that are longer than what it may carry', () => {
    const log = given(claimed(), opened(), request);
    const context = {
      revisionOf: (agent: string) => ({
        digest: 'd'.repeat(64),
        playbookAcceptance: agent === largest.agent ? checks(SIZES.checks) : [],
        reach: ['network', 'mounts', 'docker'].map((origin) => ({ origin, detail: wide(9_000) })),
      }),
    };
    log.settle(context);
    for (const id of ids)
      log.when(completed(id, 1, {}, { summary: wide(90_000), outputs: { o: wide(90_000), p: 'x' } }));
    log.settle(context);
    log.when(completed(beside.task_id));
    log.when(failed(largest.task_id, 1, { error: wide(900_000), retriable: false }));
    log.settle(context);
    log.when(answered(1, wide(SIZES.answer)));
    const assigned = only('task_assigned', log.settle(context));
    expect(assigned.inputs).toHaveLength(40);
    expect(assigned.inputs[0]?.outputs).toEqual({ p: 'x' });
    expect(byteLength([...assigned.protected, ...assigned.changes].join(''))).toBe(SIZES.paths);
    expect(inputBytes(assigned.mission_inputs)).toBeGreaterThan(SIZES.missionInputs - 3);
    expect(assigned.beside?.tasks).toBe(1);
    const { changes = [], creates = [] } = assigned.beside ?? {};
    expect(byteLength([...changes, ...creates].join(''))).toBeGreaterThan(SIZES.beside * 0.95);
    expect(assigned.untrusted?.map(({ origin }) => origin)).toEqual([
      ...['brief', 'answer', 'attempt', 'tasks', 'workspace', 'files', 'network', 'mounts', 'docker'],
    ]);
    const bytes = bytesOf(eventOf('task_assigned', assigned));
    expect(bytes).toBeGreaterThan(RECORD_BYTES / 2);
    expect(bytes).toBeLessThan(RECORD_BYTES - 16 * 1024);
    expect(assigned.mission_id).toBe(ID);
  });

  test('has whole results where they fit', () => {
    const log = given(claimed(), opened(), request);
    log.settle();
    const [id = ''] = ids;
    log.when(completed(id, 1, {}, { summary: 's'.repeat(3_000), outputs: { o: 'x'.repeat(3_000) } }));
    expect(inputsWithin([log.task(id)], SIZES.inputs)).toEqual([
      { task_id: id, agent: 'env_agent', summary: 's'.repeat(3_000), outputs: { o: 'x'.repeat(3_000) } },
    ]);
  });
});

describe('the largest call', () => {
  /** Its system text takes all that a recorded prompt may have. */
  const turn = () => {
    const rejected = [1, 2].map(() => ({ text: wide(6_000), reason: wide(6_000) }));
    const prompts = createPromptJournal(loopTask().assignment, []);
    const numbered = Array.from({ length: SIZES.prompt / 9 }, (_, index) => `${index}${WIDE}`).join('');
    let most = numbered.length;
    while (byteLength(numbered.slice(0, most)) > SIZES.prompt - 500) most -= 100;
    const messages = [{ role: 'system' as const, content: numbered.slice(0, most) }];
    const facts = {
      form: 'plain' as const,
      tokenLimit: 1e9,
      maxOutputTokens: 1e9,
      failovers: [wide(6_000), wide(6_000), wide(6_000)],
      rejected,
      notRun: [],
      left: { steps: 1e4, seconds: 1e9, tokens: 1e12 },
      messages,
    };
    return turnRecord(facts, prompts);
  };

  /** Of a task's checks and those of its playbook. */
  const decisions = (moment: string) =>
    Array.from({ length: 2 * SIZES.checksCount }, () => {
      return { check: wide(SIZES.checkName * 3), moment, decision: 'allow', rule: 'r'.repeat(60) };
    });

  const stepWith = (args: object) => {
    const { mission_id, task_id, attempt } = loopTask().assignment;
    return {
      ...{ mission_id, task_id, attempt, step: 1, owner: 'o'.repeat(100) },
      ...{ thought: wide(32_000), tool: 'workspace_write', arguments: JSON.stringify(args), idempotent: true },
      ...{ model: 'm'.repeat(200), chain_index: 0, refusals: Array.from({ length: 5 }, () => wide(6_000)) },
      ...{ tokens_in: 1e12, tokens_out: 1e12, cost_usd: 1e6, reserved_tokens: 1e12, reserved_usd: 1e6 },
      ...{ started_at: 1e15, first_token_ms: 1e9, model_ms: 1e9, turn: turn(), repairs: Object.keys(REPAIRS) },
      ...{ baseline: 'b'.repeat(SIZES.baseline), rule: 'r'.repeat(60), check_decisions: decisions('before') },
      tainted_by: Array.from({ length: 10 }, () => ({ origin: 'network', detail: wide(SIZES.origin), step: 1e6 })),
    };
  };
  const largestWrite = { path: 'p'.repeat(4_096), content: '\n'.repeat(SIZES.content / 2) };

  test.each([
    ['written', largestWrite],
    ['run', { command: '\u0001'.repeat(SIZES.command) }],
  ])('fits into a record with its prompt, baseline, thought and refusals: %s', (_, args) => {
    expect(Object.keys(JSON.parse(turn()))).toContain('messages');
    const payload: PayloadOf<'tool_called'> = {
      ...stepWith(args),
      ...{ decision: 'allow', approval_id: null, approved_by: null, refused_because: null },
    };
    const bytes = bytesOf(eventOf('tool_called', payload));
    expect(bytes).toBeGreaterThan(RECORD_BYTES / 2);
    expect(bytes).toBeLessThan(RECORD_BYTES);
  });

  test.each([
    ['a write', 'workspace_write', largestWrite, []],
    ['a finish with its checks', FINISH, { summary: wide(64 * 1024) }, [SIZES.checks, SIZES.checks].flatMap(checks)],
  ])('fits into a record as well where a person is asked about it: %s', (_, tool, args, run) => {
    const payload: PayloadOf<'call_proposed'> = {
      ...{
        ...stepWith(args),
        tool,
        check_decisions: [...decisions('before'), ...(tool === FINISH ? decisions('end') : [])],
      },
      ...{ checks: run.map(({ command }) => command) },
      ...{ reason: wide(2_000), working_dir: `/${'w'.repeat(4_000)}`, digest: 'd'.repeat(64) },
      ...{ expires_at: 1e15, remaining_ms: 1e12 },
    };
    const bytes = bytesOf(eventOf('call_proposed', payload));
    expect(bytes).toBeGreaterThan(RECORD_BYTES / 2);
    expect(bytes).toBeLessThan(RECORD_BYTES);
  });
});
