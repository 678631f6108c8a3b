/** A loop on a model with a small context: the history gives way, so that no request is refused or cut. */
import { runReActLoop } from '../../src/agent/react-loop.js';
import { createOllamaModel } from '../../src/models/ollama.js';
import { createOpenaiModel } from '../../src/models/openai.js';
import { finish, limits, loopTask, recordedEffects, run } from '../agent/fakes.js';
import { startFakeOpenai, type FakeOpenai } from '../support/fake-openai.js';
import { startFakeOllama, type FakeOllama } from '../support/fake-ollama.js';
import { catalog, clock, hostedEntry } from './fixtures.js';

const open: (FakeOpenai | FakeOllama)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

const STEPS = 6;
const OUTPUTS = {
  prose: 'The certificate was made and is valid for a year. ',
  digits: '0123456789,9876543210;',
  'letters of another language': 'überprüfte Größen, älter als möglich; ',
};

test.each(
  Object.entries(OUTPUTS).flatMap(([name, text]) =>
    [4_096, 8_192, 16_384, 32_768].map((size) => [name, text, size] as const),
  ),
)('case %#, outputs of %s: each turn is sent, whatever the context has room for', async (_, text, contextTokens) => {
  const server = await startFakeOpenai({
    reply: (_request, index) => JSON.stringify(index < STEPS ? run(`cat file${index}`) : finish()),
  });
  open.push(server);
  const entry = { ...hostedEntry('openai', catalog.defaults.worker.openai), contextTokens, thinkingTokens: 0 };
  const model = createOpenaiModel({ entry, apiKey: 'test-key', baseUrl: server.baseUrl, clock });
  const output = (step: number) => `output ${step}: ${text.repeat(1 + Math.floor(16_000 / text.length))}`;
  const effects = recordedEffects(
    [model],
    ({ tool }, step) => (tool === 'finish' ? {} : { observation: output(step) }),
    { remainingMs: () => 300_000 }, // of a real clock: a busy computer must not end it
  );
  expect(await runReActLoop(loopTask(), effects, limits(clock))).toMatchObject({ kind: 'finished' });
  expect(server.requests).toHaveLength(STEPS + 1);
  // What came last is there, as much of it as there is room.
  for (const [index, { messages }] of server.requests.entries())
    if (index > 0) expect(JSON.stringify(messages)).toContain(`cat file${index - 1}`);
});

test.each([4_096, 8_192])(
  'an Ollama model that thinks, with a context of %i: prompt, thinking and reply fit',
  async (size) => {
    const server = await startFakeOllama({
      reply: (_request, index) => JSON.stringify(index < STEPS ? run(`cat file${index}`) : finish()),
    });
    open.push(server);
    const entry = { ...catalog.ollama('qwen3:8b'), contextTokens: size, thinking: true, thinkingTokens: size / 4 };
    const model = createOllamaModel({ url: server.url, entry, clock });
    const effects = recordedEffects(
      [model],
      ({ tool }, step) => (tool === 'finish' ? {} : { observation: `output ${step}: ${OUTPUTS.prose.repeat(400)}` }),
      { remainingMs: () => 300_000 },
    );
    expect(await runReActLoop(loopTask(), effects, limits(clock))).toMatchObject({ kind: 'finished' });
    expect(server.requests).toHaveLength(STEPS + 1);
    for (const { messages = [], options } of server.requests) {
      const words = messages.map(({ content }) => content).join('').length / 4;
      expect(words + Number(options?.num_predict)).toBeLessThanOrEqual(size);
    }
  },
);
