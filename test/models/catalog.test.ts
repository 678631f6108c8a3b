import { readFileSync } from 'node:fs';
import type { Model } from '@anthropic-ai/sdk/resources/messages';
import type { ChatModel as OpenaiModelId } from 'openai/resources/shared';
import { CatalogError, parseCatalog } from '../../src/models/catalog.js';
import { parseModelName, UnknownModel } from '../../src/models/model-name.js';
import { catalog } from './fixtures.js';

const text = readFileSync(new URL('../../models.yaml', import.meta.url), 'utf8');

/** The ids that the SDKs' types name, without the plain `string` that those types also allow. */
type Known<T> = T extends string ? (string extends T ? never : T) : never;
const anthropicIds = [
  'claude-opus-5-5',
  'claude-sonnet-5-5',
  'claude-haiku-5-5',
  'claude-opus-5',
] satisfies Known<Model>[];
const openaiIds = [
  'gpt-5.6-sol',
  'gpt-5.6-terra',
  'gpt-5.6-luna',
  'gpt-4.1',
  'gpt-4.1-mini',
] satisfies Known<OpenaiModelId>[];

function errorOf(changed: string): string {
  try {
    parseCatalog(changed, 'models.yaml');
  } catch (error) {
    if (error instanceof CatalogError) return error.message;
    throw error;
  }
  throw new Error('the file was taken');
}

describe('models.yaml', () => {
  test("is dated, and the pinned SDKs' types contain every hosted id", () => {
    expect(catalog.asOf).toMatch(/^2026-\d\d-\d\d$/);
    const ids = (provider: string) =>
      catalog.models.filter((model) => model.provider === provider).map((model) => model.id);
    expect(ids('anthropic')).toEqual(anthropicIds);
    expect(ids('openai')).toEqual(openaiIds);
  });

  test('has a price for each hosted model; output never costs less than input', () => {
    for (const { price } of catalog.models.filter((model) => model.provider !== 'ollama')) {
      expect(price.input).toBeGreaterThan(0);
      expect(price.output).toBeGreaterThan(price.input);
    }
  });

  test('any Ollama model has an entry and is free', () => {
    expect(catalog.ollama('mistral-nemo')).toMatchObject({
      contextTokens: 16_384,
      thinking: false,
      price: { input: 0, output: 0 },
    });
  });

  test.each([
    ['an unknown key', 'as_of: 2026-11-23', 'as_of: 2026-11-23\nprices: yes', /^models\.yaml:\d+:\d+: .*prices/],
    [
      'a price that is no number',
      'input: 4,',
      'input: cheap,',
      /^models\.yaml:31:\d+: models\.0\.usd_per_million_tokens\.input: /,
    ],
    [
      'a default without an entry',
      'anthropic: claude-opus-5-5,',
      'anthropic: claude-nine,',
      /^models\.yaml:8:\d+: defaults\.planner\.anthropic: claude-nine has no entry/,
    ],
    [
      'a temperature for an API that accepts none',
      'effort: medium\n    temperature: false',
      'effort: medium\n    temperature: true',
      /temperature: must be false/,
    ],
    [
      'an id that stands twice',
      'id: gpt-5.6-luna',
      'id: gpt-5.6-terra',
      /models\.\d+\.id: openai:gpt-5\.6-terra is listed twice/,
    ],
    ['a missing date', 'as_of: 2026-11-23', 'as_of: lately', /as_of/],
    ['broken YAML', 'models:\n', 'models: [\n', /^models\.yaml:\d+:\d+: /],
    [
      'an alias without an anchor',
      'effort: medium',
      'effort: *level',
      /^models\.yaml:\d+:\d+: Unresolved alias.*level.*write the value out/,
    ],
    [
      'a way of calling tools that does not exist',
      'effort: medium',
      'effort: medium\n    tool_calls: always',
      /tool_calls: /,
    ],
    [
      'a room for thinking that leaves none for the prompt',
      'thinking: false, tool_calls',
      'thinking: false, thinking_tokens: 4097, tool_calls',
      /^models\.yaml:\d+:\d+: ollama\.thinking_tokens: must be at most a quarter of context_tokens \(4096\).* is 4097/,
    ],
    [
      "a hosted model's room for thinking that leaves none for the prompt",
      'models:\n',
      'models:\n  - { id: small, provider: openai, context_tokens: 4096, max_output_tokens: 4096,\n' +
        '      temperature: true, thinking_tokens: 2000, usd_per_million_tokens: { input: 0, output: 0 } }\n',
      /^models\.yaml:\d+:\d+: models\.0\.thinking_tokens: must be at most a quarter of context_tokens \(1024\)/,
    ],
  ])('%s is refused with the file, the line and the field', (_, from, to, message) => {
    expect(text).toContain(from);
    expect(errorOf(text.replace(from, to))).toMatch(message);
  });
});

test('an Ollama model that thinks has at most a quarter of its context for it where no room is given', () => {
  const thinkingTokens = (contextTokens: number) =>
    parseCatalog(
      `${text}  - { id: small, provider: ollama, context_tokens: ${contextTokens}, thinking: true }\n`,
      'models.yaml',
    ).ollama('small').thinkingTokens;
  expect([4_096, 16_384, 1_000_000].map(thinkingTokens)).toEqual([1_024, 4_096, 4_096]);
});

describe('the whole of models.yaml', () => {
  test.each([
    ['', /^models\.yaml is empty; restore it with git$/],
    ['# nothing but a comment\n', /^models\.yaml is empty/],
    ['a text', /^models\.yaml:1:\d+: the file must be a map with as_of, defaults, ollama and models/],
    ['- a list', /^models\.yaml:1:\d+: the file must be a map/],
  ])('%j is refused in words', (content, message) => {
    expect(errorOf(content)).toMatch(message);
  });

  test('an Ollama model is found by any of its names, and may not be listed under two', () => {
    const entry = (id: string) => `  - { id: "${id}", provider: ollama, context_tokens: 4096, tool_calls: native }\n`;
    const one = parseCatalog(`${text}${entry('llama3.1')}`, 'models.yaml');
    for (const name of ['llama3.1', 'Llama3.1:latest', 'library/llama3.1'])
      expect(one.ollama(name)).toMatchObject({ contextTokens: 4096, toolCalls: 'native' });
    expect(one.ollama('llama3.1:8b')).toMatchObject({ contextTokens: 16384, toolCalls: 'auto' });
    expect(errorOf(`${text}${entry('llama3.1')}${entry('library/Llama3.1:latest')}`)).toMatch(/is listed twice/);
  });
});

describe("a model's name", () => {
  test("is a provider (the role's default), provider:id, or playbook", () => {
    const id = (name: string, role: 'planner' | 'worker' = 'worker') => {
      const choice = parseModelName(name, catalog, role);
      return choice.kind === 'playbook' ? 'playbook' : `${choice.entry.provider}:${choice.entry.id}`;
    };
    expect(id('playbook')).toBe('playbook');
    expect(id('ollama')).toBe('ollama:qwen3:8b');
    expect(id('ollama:llama3.1')).toBe('ollama:llama3.1');
    expect(id('ollama:qwen3:4b')).toBe('ollama:qwen3:4b');
    expect(id('openai')).toBe('openai:gpt-5.6-terra');
    expect(id('openai', 'planner')).toBe('openai:gpt-5.6-sol');
    expect(id('openai:gpt-4.1')).toBe('openai:gpt-4.1');
    expect(id('anthropic', 'planner')).toBe('anthropic:claude-opus-5-5');
  });

  test.each(['gemini', 'anthropic:claude-nine', 'ollama:', 'openai:', '', 'Playbook'])(
    '%j is unknown, and the error lists the known names',
    (name) => {
      expect(() => parseModelName(name, catalog, 'worker')).toThrow(UnknownModel);
      expect(() => parseModelName(name, catalog, 'worker')).toThrow(
        /playbook, ollama, .*anthropic:claude-opus-5-5.*models\.yaml/,
      );
    },
  );

  test('a planner cannot use playbook', () => {
    expect(() => parseModelName('playbook', catalog, 'planner')).toThrow(UnknownModel);
  });
});
