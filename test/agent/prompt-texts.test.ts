import { systemText } from '../../src/agent/prompt-text.js';
import { estimateTokens } from '../../src/agent/tokens.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';
import { loopTask } from './fakes.js';

const own = (text: string) => ({ ...loopTask(), agent: { ...loopTask().agent, prompt: text } });

test("the system text with every tool has at most 1,500 tokens without the agent's own", () => {
  const content = systemText(own(''), TOOL_DEFINITIONS);
  expect(estimateTokens([{ role: 'system', content }])).toBeLessThanOrEqual(1_500);
});

test("each tool's description has a good call, which the tool takes", () => {
  for (const { name, description, validate } of TOOL_DEFINITIONS) {
    const call = /A good call [^{]*: (\{.*?\})/.exec(description)?.[1] ?? 'none';
    expect([name, validate(JSON.parse(call))]).toEqual([name, null]);
  }
});
