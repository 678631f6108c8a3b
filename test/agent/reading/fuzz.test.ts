/**
 * Any step in any wrapper is read; damage that needs no invented text is read at least nine times of ten; nothing is
 * ever read as another step; whatever is cut is refused.
 */
import fc from 'fast-check';
import { propertyRuns } from '../../support/quick.js';
import { expected, faults, got, prose, said, SEED, TRICKY, type Form, type Said } from './fuzz-said.js';
import { callOf, readCalls, readText } from './support.js';

/** Another spelling of JSON; null: JSON. */
let spelled: ((value: unknown) => string) | null = null;
const J = (value: unknown, replacer?: null, space?: number): string =>
  spelled === null ? JSON.stringify(value, replacer, space) : spelled(value);

const flat = ({ thought, tool, args }: Said) => J({ thought, tool, arguments: args });
const asUsual = ({ thought, tool, args }: Said) => ({
  thought,
  action: tool === 'finish' ? { finish: args } : { tool, arguments: args },
});
const usual = (one: Said) => J(asUsual(one));
const named = ({ tool, args }: Said, key = 'arguments') => J({ name: tool, [key]: args });

const python = ({ tool, args }: Said) =>
  `${tool}(${Object.entries(args)
    .map(([key, value]) => `${key}=${J(value)}`)
    .join(', ')})`;

const arrows = ({ tool, args }: Said) => {
  const flags = Object.entries(args).map(([key, value]) => `\n  --${key} ${J(value)}`);
  return `{tool => "${tool}", args => {${flags.join('')}\n}}`;
};

/** JSON whose own braces are doubled; those in its texts are not. */
function doubled(value: unknown): string {
  if (typeof value !== 'object' || value === null) return J(value);
  return `{{${Object.entries(value)
    .map(([key, part]) => `${J(key)}: ${doubled(part)}`)
    .join(', ')}}}`;
}

const FORMS: Readonly<Record<string, Form>> = {
  usual: (one) => ['', usual(one), ''],
  flat: (one) => ['', flat(one), ''],
  pretty: (one) => ['', J(asUsual(one), null, 2), '\n'],
  prose: (one, around) => [`${around}\n`, usual(one), `\n${around}`],
  fence: (one, around) => [`${around}\n\`\`\`json\n`, usual(one), `\n\`\`\`\n${around}`],
  thinking: (one, around) => [`<think>${around} {"tool": "x"</think>`, usual(one), ''],
  'thinking without a beginning': (one, around) => [`${around}</think>\n`, usual(one), ''],
  'command a': (one, around) => [
    `<|START_THINKING|>${around} {x<|END_THINKING|><|START_ACTION|>[\n    `,
    J({ tool_call_id: '0', tool_name: one.tool, parameters: one.args }),
    '\n]<|END_ACTION|>',
  ],
  'functionary 3.2': (one, around) => [`>>>all\n${around}\n`, `>>>${one.tool}\n${J(one.args)}`, ''],
  'solar open': (one) => [
    '<|begin|>assistant<|tool_calls|><|tool_call:begin|>a1b2',
    `<|tool_call:name|>${one.tool}<|tool_call:args|>${J(one.args)}`,
    '<|tool_call:end|>',
  ],
  'olmo 3': (one) => ['', `<function_calls>${python(one)}`, '</function_calls>'],
  hermes: (one) => ['<tool_call>\n', named(one), '\n</tool_call>'],
  'llama 3.1': (one) => ['<|python_tag|>', named(one, 'parameters'), '<|eom_id|>'],
  'llama 3.1 function': (one) => ['', `<function=${one.tool}>${J(one.args)}`, '</function>'],
  mistral: (one) => ['', `[TOOL_CALLS][${named(one)}]`, ''],
  'mistral 3': (one) => ['', `[TOOL_CALLS]${one.tool}[ARGS]${J(one.args)}`, ''],
  'deepseek v3': (one) => [
    '',
    `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>${one.tool}\n\`\`\`json\n${J(one.args)}`,
    '\n```<｜tool▁call▁end｜>',
  ],
  'deepseek v3.1': (one) => ['', `<｜tool▁call▁begin｜>${one.tool}<｜tool▁sep｜>${J(one.args)}`, '<｜tool▁call▁end｜>'],
  kimi: (one) => [
    '',
    `<|tool_call_begin|>functions.${one.tool}:0<|tool_call_argument_begin|>${J(one.args)}`,
    '<|tool_call_end|>',
  ],
  'deepseek v3.2': (one) => [
    '<｜DSML｜function_calls>\n',
    `<｜DSML｜invoke name="${one.tool}">${J(one.args)}`,
    '</｜DSML｜invoke>\n</｜DSML｜function_calls>',
  ],
  python: (one) => ['', `[${python(one)}]`, ''],
  'python behind a token': (one, around) => [around, `<|tool_call_start|>[${python(one)}]`, '<|tool_call_end|>'],
  'python in a block': (one, around) => [`${around}\n`, `\`\`\`tool_code\nprint(${python(one)})`, '\n```'],
  'doubled braces': (one) => ['', doubled(asUsual(one)), ''],
  'gemma 4': (one) => ['<|tool_call>', `call:${one.tool}${J(one.args)}`, '<tool_call|>'],
  gemini: (one) => ['', J({ functionCall: { name: one.tool, args: one.args } }), ''],
  'gpt-oss': (one) => [
    '',
    `<|channel|>commentary to=functions.${one.tool} <|constrain|>json<|message|>${J(one.args)}`,
    '<|call|>',
  ],
  react: (one, around) => [
    `Thought: ${around}\n`,
    `Action: ${one.tool}\nAction Input: ${J(one.args)}`,
    '\nObservation: {',
  ],
  granite: (one) => ['<|tool_call|>', `[${named(one)}]`, ''],
  functools: (one) => ['', `functools[${named(one)}]`, ''],
  nemotron: (one) => ['<TOOLCALL>', `[${named(one)}]`, '</TOOLCALL>'],
  hunyuan: (one, around) => [`<think>${around}</think>\n<tool_calls>`, `[${named(one)}]`, '</tool_calls>'],
  ernie: (one, around) => [`<think>\n${around}\n</think>\n\n<tool_call>\n`, named(one), '\n</tool_call>\n'],
  'longcat with JSON': (one) => ['<longcat_tool_call>\n', named(one), '\n</longcat_tool_call>'],
  internlm: (one) => ['<|action_start|><|plugin|>\n', named(one, 'parameters'), '<|action_end|>'],
  apertus: (one, around) => [
    `<|inner_prefix|>${around}<|inner_suffix|><|tools_prefix|>`,
    `[{"${one.tool}": ${J(one.args)}}]`,
    '<|tools_suffix|>',
  ],
  inkling: (one, around) => [
    `<|content_thinking|>${around} {x<|end_message|><|message_model|><|content_invoke_tool_json|>`,
    named(one, 'args'),
    '<|end_message|>',
  ],
  'plamo 3': (one, around) => [
    `<|plamo:begin_think:plamo|>${around}<|plamo:end_think:plamo|><|plamo:begin_tool_requests:plamo|>`,
    `<|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>${one.tool}<|plamo:end_tool_name:plamo|>` +
      `<|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>${J(one.args)}`,
    '<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|><|plamo:end_tool_requests:plamo|>',
  ],
  mirothinker: (one) => [
    '<use_mcp_tool>\n<server_name>tools</server_name>\n',
    `<tool_name>${one.tool}</tool_name>\n<arguments>\n${J(one.args)}`,
    '\n</arguments>\n</use_mcp_tool>',
  ],
  gigachat: (one, around) => [`${around}<|message_sep|>\n\nfunction call<|role_sep|>\n`, named(one), ''],
  xlam: (one) => ['', `[${named(one)}]`, ''],
  'gemma 4 with thinking': (one, around) => [
    `<|channel>thought\n${around} {x<channel|><|tool_call>`,
    `call:${one.tool}${J(one.args)}`,
    '<tool_call|>',
  ],
  'glm 4': (one) => ['', `<tool_call>${one.tool}\n${J(one.args)}`, '</tool_call>'],
  'lm studio': (one) => ['[TOOL_REQUEST]', named(one), '[END_TOOL_REQUEST]'],
  'minimax m2 on lm studio': (one) => ['[TOOL_CALL]\n', arrows(one), '\n[/TOOL_CALL]'],
  'function tag around JSON': (one) => ['<function>', named(one), '</function>'],
  'invoke with JSON': (one) => ['<function_calls>\n', `<invoke name="${one.tool}">\n${J(one.args)}`, '\n</invoke>'],
  'kimi k3 with JSON': (one) => [
    '<|open|>tools<|sep|>',
    `<|open|>call tool="${one.tool}" index="1"<|sep|><|open|>json type="object"<|sep|>${J(one.args)}`,
    '<|close|>json<|sep|><|close|>call<|sep|><|close|>tools<|sep|>',
  ],
  'a tag of any name': (one, around) => [`${around}\n<next_step>`, usual(one), '</next_step>'],
  list: (one) => ['', `[${usual(one)}]`, ''],
  'text of JSON': (one) => ['', J(usual(one)), ''],
  openai: (one) => ['', J({ tool_calls: [{ function: { name: one.tool, arguments: J(one.args) } }] }), ''],
  claude: (one) => ['', J({ type: 'tool_use', id: 'x', name: one.tool, input: one.args }), ''],
  langchain: (one) => ['', J({ action: one.tool, action_input: one.args }), ''],
  'action twice': (one) => ['', J({ action: { action: { tool: one.tool, arguments: one.args } } }), ''],
  'tool as key': (one) => ['', J({ thought: one.thought, action: { [one.tool]: one.args } }), ''],
  'name space': (one) => ['', J({ tool: `functions.${one.tool}`, arguments: one.args }), ''],
  'name and JSON': (one) => ['', `${one.tool}\n${J(one.args)}`, '\n'],
  'name and a fence': (one) => ['', `**${one.tool}**\n\`\`\`json\n${J(one.args)}`, '\n```'],
  'name after thinking': (one, around) => [`<think>${around}</think>\n`, `${one.tool}\n${J(one.args)}`, ''],
  'function element': (one) => ['<tool_call>', `<function>${one.tool}</function>${J(one.args)}`, '</tool_call>'],
  'name element': (one, around) => [
    `${around}<function_call>`,
    `<name>${one.tool}</name>\n<arguments>${J(one.args)}`,
    '</arguments></function_call>',
  ],
  'tag of the tool': (one, around) => [`${around}\n`, `<${one.tool}>${J(one.args)}</${one.tool}>`, '\n'],
  'call of Python': (one) => ['', python(one), '\n'],
  'call of Python in a block': (one) => ['```python\n', python(one), '\n```'],
  'tool_code of Gemma': (one, around) => [around, `<tool_code>print(default_api.${python(one)})`, '</tool_code>'],
  autogpt: (one) => ['', J({ thoughts: { text: one.thought }, command: { name: one.tool, args: one.args } }), ''],
  'type and arguments': (one) => ['', J({ action: { type: one.tool, arguments: one.args } }), ''],
  'tool as an object': (one) => [
    '',
    J({ thought: one.thought, confidence: 1, tool: { name: one.tool, arguments: one.args } }),
    '',
  ],
  'qwen-agent': (one, around) => [`${around}\n`, `✿FUNCTION✿: ${one.tool}\n✿ARGS✿: ${J(one.args)}`, '\n✿RESULT✿: {'],
  'functionary 2': (one) => ['<|from|>assistant\n', `<|recipient|>${one.tool}\n<|content|>${J(one.args)}`, ''],
  'escaped quotes': (one) => ['', J(usual(one)).slice(1, -1), '\n'],
  'command r': (one, around) => [
    `Plan: ${around}\nAction: \`\`\`json\n`,
    J([{ tool_name: one.tool, parameters: one.args }]),
    '\n```',
  ],
  bom: (one) => ['\uFEFF\u0000 ', usual(one), '\u0000\n'],
};

describe.each(Object.entries(FORMS))('a step in the form "%s"', (_, form) => {
  test('is read', () => {
    fc.assert(
      fc.property(said, prose, (one, around) => {
        expect(got(readText(form(one, around).join('')))).toBe(expected(one));
      }),
      { numRuns: propertyRuns(60), seed: SEED },
    );
  });

  test('is refused wherever it is cut, and never read as another', () => {
    fc.assert(
      fc.property(said, prose, (one, around) => {
        const [before, core, after] = form(one, around);
        const whole = before + core + after;
        for (let end = 0; end < whole.length; end += 1) {
          const read = got(readText(whole.slice(0, end)));
          if (end < before.length + core.length) expect(faults).toContain(read);
          else expect([...faults, expected(one)]).toContain(read);
        }
      }),
      { numRuns: propertyRuns(5), seed: SEED },
    );
  });
});

test('a call of an API is read from any of its forms, and refused wherever its text is cut', () => {
  fc.assert(
    fc.property(said, ({ tool, args }) => {
      const call = expected({ thought: '', tool, args });
      for (const given of [args, J(args), `{}${J(args)}`, J(J(args))])
        expect(got(readCalls([{ name: tool, arguments: given }]))).toBe(call);
      for (let end = 1; end < J(args).length; end += 1)
        expect(faults).toContain(got(readCalls([{ name: tool, arguments: J(args).slice(0, end) }])));
    }),
    { numRuns: propertyRuns(20), seed: SEED },
  );
});

/** Writes a value as almost-JSON. */
interface Style {
  readonly quote: readonly [string, string];
  readonly bareKeys: boolean;
  readonly trailing: string;
  readonly comment: string;
  readonly rawBreaks: boolean;
  readonly comma: string;
  readonly python: boolean;
}

const style: fc.Arbitrary<Style> = fc.record({
  quote: fc.constantFrom(['"', '"'] as const, ["'", "'"] as const, ['“', '”'] as const),
  bareKeys: fc.boolean(),
  trailing: fc.constantFrom('', ',', ', '),
  comment: fc.constantFrom('', ' // why "not"\n', " # it's {\n", ' /* ] */ '),
  rawBreaks: fc.boolean(),
  comma: fc.constantFrom(',', ', ', ',\n', '\n'),
  python: fc.boolean(),
});

function almost(value: unknown, how: Style): string {
  const list = Array.isArray(value) ? value.map((item) => almost(item, how)) : null;
  if (list !== null) return `[${list.join(how.comma)}${list.length > 0 ? how.trailing : ''}]`;
  const quoted = (one: string) => {
    const body = JSON.stringify(one)
      .slice(1, -1)
      .replaceAll('\\"', how.quote[0] === '"' ? '\\"' : '"');
    const escaped = how.quote[0] === "'" ? body.replaceAll("'", "\\'") : body;
    const broken = how.rawBreaks ? escaped.replaceAll(/(?<!\\)((?:\\\\)*)\\n/g, '$1\n') : escaped;
    return `${how.quote[0]}${broken}${how.quote[1]}`;
  };
  if (value === null) return how.python ? 'None' : 'null';
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object') return JSON.stringify(value);
  // Without a comma the next key must be quoted.
  const bare = how.bareKeys && how.comma.includes(',');
  const entries = Object.entries(value).map(
    ([key, part]) => `${bare && /^[a-z_]\w*$/i.test(key) ? key : quoted(key)}:${how.comment} ${almost(part, how)}`,
  );
  return `{${entries.join(how.comma)}${entries.length > 0 ? how.trailing : ''}}`;
}

const JSON_STYLE: Style = {
  quote: ['"', '"'],
  bareKeys: false,
  trailing: '',
  comment: '',
  rawBreaks: false,
  comma: ', ',
  python: false,
};
const DAMAGE: Readonly<Record<string, Partial<Style>>> = {
  'single quotes': { quote: ["'", "'"] },
  'curved quotes': { quote: ['“', '”'] },
  'bare keys': { bareKeys: true },
  'trailing commas': { trailing: ',' },
  'comments behind //': { comment: ' // why "not"\n' },
  'comments behind #': { comment: " # it's {\n" },
  'block comments': { comment: ' /* ] */ ' },
  'raw line breaks': { rawBreaks: true },
  'no commas': { comma: '\n' },
};

/** What a form cannot show: nothing escapes a curved quote, and a bare key in a text with escaped quotes has none. */
const NO_DAMAGE: Readonly<Record<string, readonly string[]>> = {
  'text of JSON': ['curved quotes'],
  openai: ['curved quotes'],
  'escaped quotes': ['curved quotes', 'bare keys'],
};

describe.each(Object.entries(DAMAGE))('a step whose JSON has %s', (kind, how) => {
  const damages = (value: unknown) => almost(value, { ...JSON_STYLE, ...how });
  /** A curved quote in a text between curved quotes may be its end. */
  const isClear = (one: Said) => kind !== 'curved quotes' || !/[“”]/.test(JSON.stringify(one));

  test.each(Object.entries(FORMS).filter(([name]) => NO_DAMAGE[name]?.includes(kind) !== true))(
    'is read at least nine times of ten, and never as another, in the form "%s"',
    (_, form) => {
      let [read, all] = [0, 0];
      fc.assert(
        fc.property(said.filter(isClear), prose, (one, around) => {
          spelled = damages;
          const text = form(one, around).join('');
          spelled = null;
          const reading = got(readText(text));
          expect([...faults, expected(one)]).toContain(reading);
          all += 1;
          if (reading === expected(one)) read += 1;
        }),
        { numRuns: propertyRuns(20), seed: SEED },
      );
      expect(read / all).toBeGreaterThanOrEqual(0.9);
    },
  );
});

test('of steps in almost-JSON at least nine of ten are read, and none as another', () => {
  let read = 0;
  let all = 0;
  fc.assert(
    fc.property(said, style, (one, how) => {
      const wanted = JSON.parse(one.tool === 'finish' ? usual(one) : flat(one));
      const reading = got(readText(almost({ ...wanted, note: null }, how)));
      expect([...faults, expected(one)]).toContain(reading);
      all += 1;
      if (reading === expected(one)) read += 1;
    }),
    { numRuns: propertyRuns(1_000), seed: SEED },
  );
  expect(read / all).toBeGreaterThanOrEqual(0.9);
});

test('a step that lost any one character outside of its texts is read as it was, or refused', () => {
  let read = 0;
  let all = 0;
  fc.assert(
    fc.property(said, fc.nat(), fc.boolean(), (one, at, spaced) => {
      const whole = spaced ? J(asUsual(one), null, 1) : usual(one);
      const places = outside(whole);
      const place = places[at % places.length] ?? 0;
      const reading = got(readText(whole.slice(0, place) + whole.slice(place + 1)));
      expect([...faults, expected(one)]).toContain(reading);
      all += 1;
      if (reading === expected(one)) read += 1;
    }),
    { numRuns: propertyRuns(1_000), seed: SEED },
  );
  expect(read).toBeGreaterThan(0);
  expect(all).toBe(propertyRuns(1_000));
});

/** Indexes outside of the texts and numbers of a JSON document; the quotes count as outside. */
function outside(json: string): readonly number[] {
  const places: number[] = [];
  let inText = false;
  for (let at = 0; at < json.length; at += 1) {
    if (inText && json[at] === '\\') at += 1;
    else if (json[at] === '"') {
      inText = !inText;
      places.push(at);
    } else if (!inText && !/\d/.test(json[at] ?? '')) places.push(at);
  }
  return places;
}

test('two different steps in one text are never read as one', () => {
  fc.assert(
    fc.property(said, said, prose, fc.constantFrom('\n', ' ', '\n\n```json\n'), (one, other, around, between) => {
      fc.pre(expected(one) !== expected(other));
      expect(faults).toContain(got(readText(`${around}\n${usual(one)}${between}${flat(other)}`)));
    }),
    { numRuns: propertyRuns(300), seed: SEED },
  );
});

test('any text is read or refused, in time that grows with its length', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...TRICKY, '{"tool":', '<think>', 'true', '1', 'Action: x\n'), { maxLength: 60 }),
      (parts) => {
        expect([...faults, 'workspace_list {}']).toContain(callOf(readText(parts.join(''))));
      },
    ),
    { numRuns: propertyRuns(1_000), seed: SEED },
  );
  for (const part of ['{', '[', '{"a":', '[[{"', '{a:', '<think>', '<tool_call>', '`', '"', '{x:"'])
    expect(faults).toContain(callOf(readText(part.repeat(20_000))));
});
