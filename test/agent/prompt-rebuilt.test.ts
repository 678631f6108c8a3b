import fc from 'fast-check';
import { createPromptJournal, digestOf, rebuildPrompts } from '../../src/agent/prompt-journal.js';
import { runReActLoop } from '../../src/agent/react-loop.js';
import type { PromptMessage } from '../../src/domain/attempt-report.js';
import { conversation, sentMessages } from '../../src/models/conversation.js';
import type { ChatMessage, ChatModel, ReplyForm } from '../../src/ports/model.js';
import type { JournaledStep } from '../../src/agent/loop-contract.js';
import { propertyRuns } from '../support/quick.js';
import { failure, limits, loopTask, recordedEffects, run, scriptedModel, TOOLS, type Scripted } from './fakes.js';

const words = (mark: string, count: number) => Array.from({ length: count }, (_, at) => `${mark}${at}`).join(' ');
const shown = (messages: readonly ChatMessage[]): readonly PromptMessage[] =>
  messages.map(({ role, content }) => ({ role, content }));

/** A worker's part of an attempt: what its models reply, what its tools give, and how much a prompt may have. */
interface Part {
  readonly replies: readonly (readonly Scripted[])[];
  readonly output: number;
  readonly limit: number;
  readonly steps: number;
  readonly tools: number;
  readonly prompt: string;
  /** In which of these its replies are asked for, in turn. */
  readonly forms: readonly ReplyForm[];
}

const reply = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 9 })).map(([size, n]) => run(words(`c${n}_`, size))),
  },
  { weight: 2, arbitrary: fc.string({ maxLength: 4_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(failure('unreachable', words('down', 20)), failure('invalid')) },
);
const part: fc.Arbitrary<Part> = fc.record({
  replies: fc.array(fc.array(reply, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 3 }),
  output: fc.nat({ max: 400 }),
  limit: fc.integer({ min: 100, max: 4_000 }),
  steps: fc.integer({ min: 1, max: 8 }),
  tools: fc.constantFrom(1, 2),
  prompt: fc.constantFrom('You make certificates.', words('agent', 60)),
  forms: fc.array(fc.constantFrom('json_schema', 'native', 'json_object', 'plain'), { minLength: 1, maxLength: 3 }),
});

const inputs = [{ task_id: 't0', agent: 'a', summary: words('found', 100), outputs: { file: words('path', 40) } }];
const assigned = { inputs, brief: words('brief', 50), feedback: words('failed', 40), share_tokens: 100_000 };

/** Runs the parts one after the other, each taking over from the one before it. */
async function attempt(parts: readonly Part[]) {
  const sent = new Map<number, readonly PromptMessage[]>();
  let history: readonly JournaledStep[] = [];
  for (const { replies, output, limit, steps, tools, prompt, forms } of parts) {
    let last: readonly PromptMessage[] = [];
    let calls = 0;
    const chain = replies.map((script, index): ChatModel => {
      const model = scriptedModel(`m${index}`, script);
      return {
        ...model,
        /** As the adapters do it: what is sent has a note for the form, and the reply says what was sent. */
        async chat(request, signal) {
          const form = forms[calls % forms.length] ?? 'json_schema';
          calls += 1;
          last = sentMessages(conversation(request, form));
          return { ...(await model.chat(request, signal)), form, messages: last };
        },
      };
    });
    const effects = recordedEffects(
      chain,
      (_, step) => {
        sent.set(step, last);
        return { observation: words(`o${step}_`, output), outputDigest: `d${step}` };
      },
      { history, tools: TOOLS.slice(0, tools) },
    );
    const task = loopTask({ history }, assigned, { maxSteps: history.length + steps, prompt });
    await runReActLoop(task, effects, { ...limits(), maxPromptTokens: limit });
    history = effects.journal;
  }
  return { assignment: loopTask({}, assigned).assignment, history, sent };
}

describe('the prompts of an attempt', () => {
  test('are rebuilt exactly from its journal, whatever was sent back, skipped, cut or taken over', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 3 }), async (parts) => {
        const { assignment, history, sent } = await attempt(parts);
        for (const [step, { state, messages }] of rebuildPrompts(assignment, history)) {
          expect({ step, state, messages }).toEqual({ step, state: 'exact', messages: sent.get(step) });
          compared += 1;
        }
      }),
      { numRuns: propertyRuns(200), seed: 1 },
    );
    expect(compared).toBeGreaterThan(50);
  });

  test('of a build with other texts are rebuilt exactly: the journal has every text that a build could change', () => {
    const text = fc.oneof(
      fc.string(),
      fc.nat({ max: 200 }).map((count) => words('x', count)),
    );
    const role = fc.constantFrom('system' as const, 'user' as const, 'assistant' as const);
    const prompt = fc.array(fc.record({ role, content: text }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(fc.record({ prompt, said: text, given: text }), { maxLength: 6 }), (made) => {
        const { assignment } = loopTask({}, assigned);
        const journal = createPromptJournal(assignment, []);
        let messages: readonly PromptMessage[] = [];
        const steps = made.map(({ prompt: more, said, given }, index) => {
          messages = [...messages, ...more, { role: 'user', content: `>> ${given.slice(3)} <<` }];
          const turn = { ...digestOf(messages), ...journal.record(messages, { failovers: [], rejected: [] }) };
          const step = { step: index + 1, thought: said, arguments: JSON.stringify({ said }), observation: given };
          journal.add(step, true);
          return {
            call: { ...step, turn: JSON.stringify(turn) },
            outcome: { observation: given },
            messages,
          };
        });
        const rebuilt = [...rebuildPrompts(assignment, steps).values()];
        expect(rebuilt.map((one) => one.messages)).toEqual(steps.map((one) => one.messages));
      }),
      { numRuns: propertyRuns(300), seed: 1 },
    );
  });

  const long = (steps: number): Part => ({
    replies: [Array.from({ length: 40 }, (_, at) => run(words(`c${at}_`, 50)))],
    output: 2_000,
    limit: 1_000_000,
    steps,
    tools: 2,
    prompt: 'You make certificates.',
    forms: ['json_schema'],
  });
  const turnOf = (step: JournaledStep | undefined): Record<string, unknown> => JSON.parse(step?.call.turn ?? '{}');

  test('have the system text with the first step, and again when it changes', async () => {
    const { history } = await attempt([long(2), long(1), { ...long(2), prompt: 'You make better certificates.' }]);
    const system = history.map((step) => turnOf(step)['system']);
    expect(system).toEqual([
      expect.stringContaining('You make certificates.'),
      undefined,
      undefined,
      expect.stringContaining('You make better certificates.'),
      undefined,
    ]);
  });

  test('have what an adapter adds for the form, and the system text again when the form changes', async () => {
    const { assignment, history } = await attempt([{ ...long(4), forms: ['json_schema', 'plain', 'plain', 'native'] }]);
    expect(history.map((step) => 'system' in turnOf(step))).toEqual([true, true, false, true]);
    const prompts = [...rebuildPrompts(assignment, history).values()].map(({ messages }) => messages[0]?.content ?? '');
    expect(prompts[0]).not.toContain('JSON Schema: {');
    expect(prompts[1]).toContain('Reply with one JSON object and nothing else');
    expect(prompts[2]).toBe(prompts[1]);
    expect(prompts[3]).toContain('you call tools through the API');
  });

  test('are rebuilt with an agent, checks and protected paths of the most that may be set', async () => {
    const acceptance = Array.from({ length: 100 }, (_, at) => ({
      name: `c${at}`,
      command: `test ${words(`check${at}_`, 120)}`.slice(0, 1_250),
    }));
    const listed = Array.from({ length: 3_000 }, (_, at) => `src/directory/${at}.ts`);
    const made = loopTask({}, { ...assigned, acceptance, protected: listed }, { prompt: 'a'.repeat(65_000) });
    const task = { ...made, acceptance, protection: { ...made.protection, listed } };
    const effects = recordedEffects([scriptedModel('m', [run('true'), failure('gave_up')])]);
    await runReActLoop(task, effects, { ...limits(), maxPromptTokens: 1_000_000 });
    const reports = rebuildPrompts(task.assignment, effects.journal);
    expect([...reports.values()].map(({ state }) => state)).toEqual(['exact']);
  });

  test('take little of a record, however long the attempt is', async () => {
    const { history } = await attempt([long(20), long(20)]);
    for (const step of history.slice(1)) expect(step.call.turn?.length).toBeLessThan(1_500);
  });

  test('are said to differ when the journal was changed', async () => {
    const { assignment, history } = await attempt([long(3)]);
    const changed = history.map((step, index) =>
      index === 0 ? { ...step, outcome: { ...step.outcome, observation: words('x1_', 2_000) } } : step,
    );
    const [first, second, third] = [...rebuildPrompts(assignment, changed).values()];
    expect(first?.state).toBe('exact');
    expect(second).toMatchObject({ state: 'differs', why: expect.stringContaining('was recorded') });
    expect(third).toMatchObject({ state: 'unreadable', why: expect.stringContaining('the prompt of step 2') });
  });

  test.each([
    ['no turn', null],
    ['an older turn', '{"digest":"d","length":3}'],
    ['what is no JSON', '{'],
  ])('are not recorded where a step has %s', async (_, turn) => {
    const { assignment, history } = await attempt([long(1)]);
    const older = history.map((step) => ({ ...step, call: { ...step.call, turn } }));
    expect(rebuildPrompts(assignment, older).get(1)).toMatchObject({ state: 'not_recorded', messages: [] });
  });

  test('continue after steps of an older build, which did not record theirs', async () => {
    const { history } = await attempt([long(2)]);
    const older = history.map((step) => ({ ...step, call: { ...step.call, turn: null } }));
    const model = scriptedModel('m', [run('one'), run('two')]);
    const effects = recordedEffects([model], () => ({}), { history: older });
    const task = loopTask({ history: older }, assigned, { maxSteps: 4 });
    await runReActLoop(task, effects, limits());
    const rebuilt = rebuildPrompts(task.assignment, effects.journal);
    expect(rebuilt.get(3)?.messages).toEqual(shown(model.requests[0]?.messages ?? []));
    expect(rebuilt.get(4)?.messages).toEqual(shown(model.requests[1]?.messages ?? []));
  });

  test('each begin with the one before, up to what was left in its last message', async () => {
    await fc.assert(
      fc.asyncProperty(part, async (made) => {
        const { sent } = await attempt([{ ...made, limit: 1_000_000, forms: made.forms.slice(0, 1) }]);
        for (let step = 1; step < sent.size; step += 1) {
          const [before, after] = [sent.get(step) ?? [], sent.get(step + 1) ?? []];
          // What was sent back or skipped in a turn is only in that turn, at the end of its prompt.
          const common = 2 + 2 * (step - 1);
          expect(before.length).toBeGreaterThanOrEqual(common);
          expect(after.slice(0, common - 1)).toEqual(before.slice(0, common - 1));
          const [end, same] = [before[common - 1]?.content ?? '', after[common - 1]?.content ?? ''];
          expect(end.startsWith(same)).toBe(true);
          for (const { content } of after.slice(0, -1)) expect(content).not.toContain('Left for this task');
          expect(after.at(-1)?.content).toMatch(/\n\nLeft for this task: \d+ steps?, 1 second, \d+ tokens\.$/);
        }
      }),
      { numRuns: propertyRuns(100), seed: 1 },
    );
  });
});
