/** What a model call was measured to take is in the record of its step. */
import { createOllamaModel } from '../../src/models/ollama.js';
import type { ChatModel, ModelTiming } from '../../src/ports/model.js';
import { createFakeClock } from '../cli/support/fake-clock.js';
import { catalog } from '../models/fixtures.js';
import { startFakeOllama } from '../support/fake-ollama.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const STARTED_MS = 1_700_000_000_123;
const FINISH = JSON.stringify({ thought: 'done', action: { finish: { summary: 'nothing to do', outputs: [] } } });

function answering(timing: ModelTiming): ChatModel {
  return {
    name: 'measured:one',
    probe: async () => ({ usable: true }),
    worstCase: () => ({ tokens: 100, usd: 0 }),
    chat: async () => ({ text: FINISH, tokensIn: 1, tokensOut: 1, costUsd: 0, promptTruncated: false, timing }),
  };
}

/** The times in the record of the first step, which this model decides. */
async function recordedOf(model: ChatModel): Promise<unknown> {
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], chain: [model] });
  await swarm.startOrchestrator();
  await swarm.startWorker();
  await swarm.ended(await swarm.submit());
  const [record] = swarm.events.flatMap((event) => (event.event_type === 'tool_called' ? [event.payload] : []));
  await swarm.close();
  return record === undefined ? null : [record.model, record.started_at, record.first_token_ms, record.model_ms];
}

describe('the record of a step', () => {
  test('has the times that the adapter measured: a reply that pauses before its first token', async () => {
    const clock = createFakeClock(STARTED_MS);
    const server = await startFakeOllama({
      reply: (_, index) => ({ kind: 'paused', text: FINISH, onPause: () => clock.advance(index === 0 ? 1_500 : 0) }),
    });
    try {
      const model = createOllamaModel({ url: server.url, entry: catalog.ollama('qwen3:8b'), clock });
      expect(await recordedOf(model)).toEqual(['ollama:qwen3:8b', STARTED_MS, 1_500, 1_500]);
    } finally {
      await server.close();
    }
  });

  test.each([
    ['each in its field, in whole milliseconds', 41.6, 42],
    ['and null for the first token where the adapter saw none', null, null],
  ])('%s', async (_, firstTokenMs, recorded) => {
    const model = answering({ startedAtMs: STARTED_MS, firstTokenMs, durationMs: 97.2 });
    expect(await recordedOf(model)).toEqual(['measured:one', STARTED_MS, recorded, 97]);
  });
});
