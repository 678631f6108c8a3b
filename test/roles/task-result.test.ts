import { resultPayload } from '../../src/roles/worker/task-result.js';
import { assigned, called, claimed, given, returned, source } from '../domain/support/task-log.js';

describe("an attempt's final record", () => {
  const attempt = given(
    claimed('w1'),
    assigned(source(1)),
    called('w1', 1, { tokens_in: 70, tokens_out: 30, cost_usd: 0.5, reserved_tokens: 400, reserved_usd: 2 }),
    returned('w1', 1),
  ).attempt();
  const end = { kind: 'finished', summary: 'done', outputs: {}, checks: [] } as const;

  test('adds what a last turn used that is in no step, and names the model that took it', () => {
    const { payload } = resultPayload(
      attempt,
      'w1',
      { ...end, unjournaled: { model: 'openai:gpt', tokensIn: 11, tokensOut: 7, costUsd: 0.25 } },
      { durationMs: 1_234.4, fenced: true, artifacts: null },
    );
    expect(payload).toMatchObject({
      owner: 'w1',
      steps: 1,
      model: 'openai:gpt',
      tokens_in: 81,
      tokens_out: 37,
      cost_usd: 0.75,
      duration_ms: 1_234,
      result: { status: 'unverified', summary: 'done' },
    });
  });

  test('without one holds what the journal holds', () => {
    expect(resultPayload(attempt, 'w1', end, { durationMs: 0, fenced: true, artifacts: null }).payload).toMatchObject({
      model: 'ollama:llama3.1',
      tokens_in: 70,
      tokens_out: 30,
      cost_usd: 0.5,
    });
  });

  test("counts another owner's unanswered turn as spent", () => {
    expect(resultPayload(attempt, 'w2', end, { durationMs: 0, fenced: true, artifacts: null }).payload).toMatchObject({
      tokens_in: 470,
      tokens_out: 30,
      cost_usd: 2.5,
    });
  });
});
