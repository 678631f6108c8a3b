import type { Playbook, PlaybookStep } from '../../src/domain/agent-spec.js';
import type { TaskAssigned } from '../../src/domain/events.js';
import { createPlaybookModel } from '../../src/models/playbook.js';
import type { PastStep, TurnContext } from '../../src/ports/model.js';
import { ask, chatRequest, modelError } from './fixtures.js';

const model = createPlaybookModel();

const task: TaskAssigned['payload'] = {
  task_id: 'deploy-cert_agent-wave1',
  description: 'certificates',
  dependencies: [],
  timeout_seconds: 300,
  retry_count: 0,
  parameters: {},
  mission_id: 'm1',
  attempt: 1,
  wave_number: 1,
  agent: 'cert_agent',
  kind: 'task',
  owner: 'o1',
  target_partition: 0,
  source: null,
  playbook: 'certificates',
  acceptance: [],
  brief: '',
  inputs: [],
  share_tokens: null,
  share_usd: null,
  workspace: null,
  workspace_marker: 'w1',
  feedback: null,
  answer: null,
  requires: [],
  workspace_of: null,
  only: null,
  agent_digest: null,
  playbook_acceptance: null,
  protected: [],
  changes: [],
  artifacts: [],
  used_up_by: null,
  beside: null,
  limits: {},
  untrusted: [],
  mission_inputs: [],
};

function playbookOf(...steps: readonly PlaybookStep[]): Playbook {
  return { name: 'certificates', steps, acceptance: [] };
}

const ca: PlaybookStep = { name: 'make the CA', command: 'openssl ca', unless: 'test -f ca.pem' };
const server: PlaybookStep = { name: 'sign the server', command: 'openssl server', unless: null };
const list: PlaybookStep = { name: 'list them', command: 'ls', unless: null };

type Outcome = Pick<PastStep, 'outcome' | 'exitCode'>;
const OK: Outcome = { outcome: 'ok', exitCode: 0 };
const FAILED: Outcome = { outcome: 'error', exitCode: 3 };
const UNKNOWN: Outcome = { outcome: 'unknown', exitCode: null };
const ABORTED: Outcome = { outcome: 'aborted', exitCode: null };
const REFUSED: Outcome = { outcome: 'refused', exitCode: null };

/** Past steps in short form: commands (or finish) with their outcomes, by the playbook unless a model is given. */
function past(...steps: readonly (readonly [command: string, outcome: Outcome, by?: string])[]): readonly PastStep[] {
  return steps.map(([command, outcome, by = 'playbook'], index) => ({
    step: index + 1,
    tool: command === 'finish' ? 'finish' : 'execute_terminal_command',
    arguments: command === 'finish' ? {} : { command },
    model: by,
    observation: `output of ${command}`,
    ...outcome,
  }));
}

function turn(playbook: Playbook | null, steps: readonly PastStep[] = []): ReturnType<typeof chatRequest> {
  const context: TurnContext = { task, playbook, steps };
  return chatRequest({ turn: context });
}

/** The next command; finish at the end. */
async function next(playbook: Playbook, steps: readonly PastStep[] = []): Promise<string> {
  const reply: { arguments?: { command: string } } = JSON.parse((await ask(model, turn(playbook, steps))).text);
  return reply.arguments?.command ?? 'finish';
}

describe('the playbook model', () => {
  test('runs `unless` first, as an idempotent call, and the command if `unless` fails', async () => {
    const playbook = playbookOf(ca, server);
    const first = await ask(model, turn(playbook));
    expect(JSON.parse(first.text)).toEqual({
      thought: expect.stringContaining('make the CA'),
      tool: 'execute_terminal_command',
      arguments: { command: 'test -f ca.pem' },
    });
    expect(first.idempotent).toBe(true);
    const second = await ask(model, turn(playbook, past(['test -f ca.pem', FAILED])));
    expect(JSON.parse(second.text)).toMatchObject({ arguments: { command: 'openssl ca' } });
    expect(second.idempotent).toBeUndefined();
  });

  test('skips the step if `unless` exits 0', async () => {
    expect(await next(playbookOf(ca, server), past(['test -f ca.pem', OK]))).toBe('openssl server');
  });

  test('finishes after the last step; the summary names the steps that ran and those that were skipped', async () => {
    const reply = await ask(model, turn(playbookOf(ca, server), past(['test -f ca.pem', OK], ['openssl server', OK])));
    const { finish } = JSON.parse(reply.text);
    expect(finish.summary).toBe(
      'Playbook certificates did sign the server; skipped because already done: make the CA.',
    );
    expect(finish.outputs).toEqual({ playbook: 'certificates' });
  });

  test('costs nothing and is always usable', async () => {
    expect(await ask(model, turn(playbookOf(list)))).toMatchObject({
      tokensIn: 0,
      tokensOut: 0,
      costUsd: 0,
      promptTruncated: false,
    });
    expect(model.worstCase(turn(playbookOf(list)))).toEqual({ tokens: 0, usd: 0 });
    expect(await model.probe(new AbortController().signal)).toEqual({ usable: true });
  });

  test('declines a task without a playbook, and a planner', async () => {
    expect(await modelError(ask(model, turn(null)))).toMatchObject({
      code: 'gave_up',
      retriable: false,
      message: expect.stringContaining('no playbook'),
    });
    expect((await modelError(ask(model, chatRequest()))).code).toBe('gave_up');
  });

  test.each([
    [
      'a step failed',
      past(['test -f ca.pem', FAILED], ['openssl ca', FAILED]),
      /make the CA.*exit code 3.*output of openssl ca/,
    ],
    ['a step was refused', past(['test -f ca.pem', REFUSED]), /refused/],
    ['unless could not be run', past(['test -f ca.pem', { outcome: 'error', exitCode: null }]), /could not be run/],
    [
      'the checks failed after finish',
      past(['test -f ca.pem', OK], ['openssl server', OK], ['finish', FAILED]),
      /checks still fail/,
    ],
    ['a step without unless may have run', past(['test -f ca.pem', OK], ['openssl server', UNKNOWN]), /may have run/],
    ['a step without unless was aborted', past(['test -f ca.pem', OK], ['openssl server', ABORTED]), /may have run/],
    ['the playbook was changed while the task ran', past(['test -f other.pem', OK]), /changed/],
    [
      'another model took over',
      past(['test -f ca.pem', FAILED], ['openssl ca', FAILED], ['openssl ca -v', OK, 'ollama:qwen3:8b']),
      /does not resume/,
    ],
  ])('gives up when %s', async (_, steps, message) => {
    expect(await modelError(ask(model, turn(playbookOf(ca, server), steps)))).toMatchObject({
      code: 'gave_up',
      message: expect.stringMatching(message),
    });
  });

  test.each([
    ['what it wrote to stderr', { stdout: 'one', stderr: 'no such file\n' }, 'exit code 3: no such file'],
    ['else what it wrote to stdout', { stdout: 'not ok 1\n', stderr: '' }, 'exit code 3: not ok 1'],
    ['the note before it', { stdout: '', stderr: 'slow', note: 'the time limit was reached' }, 'reached; slow'],
    ['that it printed nothing', { stdout: '', stderr: '' }, 'exit code 3: it printed nothing'],
  ])('says of a failed step %s, and not its command', async (_, said, end) => {
    const [step] = past(['openssl ca', FAILED]);
    if (step === undefined) throw new Error('no step');
    const observation = JSON.stringify({ command: 'openssl ca', exit_code: 3, ...said });
    const steps = [...past(['test -f ca.pem', FAILED]), { ...step, step: 2, observation }];
    const { message } = await modelError(ask(model, turn(playbookOf(ca, server), steps)));
    expect(message.endsWith(end)).toBe(true);
    expect(message).not.toContain('openssl ca');
  });

  test.each([UNKNOWN, ABORTED])('runs `unless` again if the outcome of a step is not known: %j', async (outcome) => {
    const playbook = playbookOf(ca, server);
    expect(await next(playbook, past(['test -f ca.pem', outcome]))).toBe('test -f ca.pem');
    expect(await next(playbook, past(['test -f ca.pem', FAILED], ['openssl ca', outcome]))).toBe('test -f ca.pem');
    expect(
      await next(playbook, past(['test -f ca.pem', FAILED], ['openssl ca', outcome], ['test -f ca.pem', OK])),
    ).toBe('openssl server');
  });

  test('repeats finish if the outcome of the checks is unknown', async () => {
    expect(await next(playbookOf(list), past(['ls', OK], ['finish', UNKNOWN]))).toBe('finish');
  });

  test('starts with its first step after steps of earlier models in the chain', async () => {
    expect(
      await next(playbookOf(list, list), past(['ls', OK, 'ollama:qwen3:8b'], ['rm x', UNKNOWN, 'ollama:qwen3:8b'])),
    ).toBe('ls');
    expect(await next(playbookOf(list, server), past(['ls', OK, 'ollama:qwen3:8b'], ['ls', OK]))).toBe(
      'openssl server',
    );
  });

  test('runs a command twice if the playbook contains it twice', async () => {
    const playbook = playbookOf(list, server, list);
    expect(await next(playbook, past(['ls', OK], ['openssl server', OK]))).toBe('ls');
    expect(await next(playbook, past(['ls', OK], ['openssl server', OK], ['ls', OK]))).toBe('finish');
  });

  test('an empty playbook finishes at once; the checks decide', async () => {
    expect(await next(playbookOf())).toBe('finish');
  });
});

describe('after every prefix of every run', () => {
  const outcomes = [OK, FAILED, UNKNOWN, ABORTED] as const;
  // Cases that matching by text would confuse: repeated commands, an `unless` equal to another step's command, and a
  // skipped step next to one that runs.
  const playbooks = [
    playbookOf(list, list, list),
    playbookOf(ca, ca),
    playbookOf({ ...ca, unless: 'ls' }, list, { ...list, unless: 'ls' }),
    playbookOf(server, { name: 'again', command: 'openssl server', unless: 'openssl server' }, list),
  ];

  /** The state of a run, kept by the harness, which knows the purpose of each call. */
  interface Run {
    readonly steps: readonly PastStep[];
    /** Index of the step that is due, and whether its `unless` has failed. */
    readonly due: number;
    readonly mayRun: boolean;
  }

  function expected(playbook: Playbook, run: Run): string {
    const step = playbook.steps[run.due];
    if (step === undefined) return 'finish';
    return step.unless !== null && !run.mayRun ? step.unless : step.command;
  }

  /** The run after the expected call had this outcome; null if the playbook must give up. */
  function follow(playbook: Playbook, run: Run, outcome: Outcome): Run | null {
    const command = expected(playbook, run);
    const steps = [...run.steps, ...past([command, outcome]).map((step) => ({ ...step, step: run.steps.length + 1 }))];
    const step = playbook.steps[run.due];
    const uncertain = outcome === UNKNOWN || outcome === ABORTED;
    if (step === undefined) return outcome === FAILED ? null : { ...run, steps };
    const asking = step.unless !== null && !run.mayRun;
    if (uncertain) return step.unless === null ? null : { steps, due: run.due, mayRun: false };
    if (outcome === OK) return { steps, due: run.due + 1, mayRun: false };
    return asking ? { steps, due: run.due, mayRun: true } : null;
  }

  test.each(playbooks.map((playbook, index) => [index, playbook] as const))(
    'playbook %i never repeats a finished step and never skips an unfinished one',
    async (_, playbook) => {
      let runs: readonly Run[] = [{ steps: [], due: 0, mayRun: false }];
      let seen = 0;
      for (let depth = 0; depth < 6; depth += 1) {
        const following: Run[] = [];
        for (const run of runs) {
          expect(await next(playbook, run.steps)).toBe(expected(playbook, run));
          for (const outcome of outcomes) {
            const after = follow(playbook, run, outcome);
            seen += 1;
            if (after !== null) following.push(after);
            else {
              const steps = [
                ...run.steps,
                ...past([expected(playbook, run), outcome]).map((step) => ({ ...step, step: run.steps.length + 1 })),
              ];
              expect((await modelError(ask(model, turn(playbook, steps)))).code).toBe('gave_up');
            }
          }
        }
        runs = following;
      }
      expect(seen).toBeGreaterThan(20);
    },
  );
});
