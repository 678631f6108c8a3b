import { withMetrics } from '../../src/models/metered.js';
import { noMetrics, type ModelCallMeasured } from '../../src/ports/metrics.js';
import { ModelError, type ChatModel, type ChatReply } from '../../src/ports/model.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';

const REPLY: ChatReply = { text: '{}', tokensIn: 900, tokensOut: 60, costUsd: 0.25, promptTruncated: false };

async function measured(chat: ChatModel['chat']): Promise<ModelCallMeasured> {
  const calls: ModelCallMeasured[] = [];
  const metrics = { ...noMetrics, modelCall: (call: ModelCallMeasured) => void calls.push(call) };
  const model = { name: 'openai:m', chat } as ChatModel;
  await withMetrics(model, createSystemClock(), metrics)
    .chat({} as never, new AbortController().signal)
    .catch(() => undefined);
  const [call, ...others] = calls;
  if (call === undefined || others.length > 0) throw new Error(`${calls.length} calls were measured`);
  return call;
}

test.each([
  [
    'a reply has its tokens and its cost',
    () => Promise.resolve(REPLY),
    { outcome: 'ok', used: { tokens: { in: 900, out: 60, unknown: 0 }, usd: 0.25 } },
  ],
  [
    'a call that failed has what it is known to have used',
    () => Promise.reject(new ModelError('timeout', 'too slow', { used: { tokens: 30, usd: 0.5 } })),
    { outcome: 'timeout', used: { tokens: { in: 0, out: 0, unknown: 30 }, usd: 0.5 } },
  ],
  [
    'an aborted call has used nothing that is known',
    () => Promise.reject(new DOMException('stopped', 'AbortError')),
    { outcome: 'aborted', used: { tokens: { in: 0, out: 0, unknown: 0 }, usd: 0 } },
  ],
])('%s', async (_, chat, expected) => {
  expect(await measured(chat)).toMatchObject({ model: 'openai:m', ...expected });
});
