import { callOf, readCalls, readText } from './support.js';

const RUN = 'execute_terminal_command {"command":"ls -la"}';
const CALL = '{"tool":"execute_terminal_command","arguments":{"command":"ls -la"}}';
const STEP = `{"thought":"look","action":${CALL}}`;
const NAMED = '{"name":"execute_terminal_command","arguments":{"command":"ls -la"}}';
const ARGS = '{"command": "ls -la"}';

/** What wraps a step: [name, text, repairs that are recorded]. */
const WRAPPED: readonly (readonly [string, string, readonly string[]])[] = [
  ['nothing', STEP, []],
  ['nothing, flat', `{"thought":"look",${CALL.slice(1)}`, []],
  ['blanks and a byte order mark', `\uFEFF\n\n ${STEP} \n\0`, []],
  ['prose', `Let me look around first.\n${STEP}\nThen I will continue.`, ['prose']],
  ['prose with brackets', `In [this] case {maybe} use \${HOME} (see [1]): ${STEP}`, ['prose']],
  ['a fence', `\`\`\`json\n${STEP}\n\`\`\``, ['fence']],
  ['a fence that does not end', `\`\`\`\n${STEP}`, ['fence']],
  ['a fence in prose', `Here you are:\n\n\`\`\`json\n${STEP}\n\`\`\`\n\nDone.`, ['fence', 'prose']],
  ['inline code', `I reply \`${STEP}\``, ['prose']],
  [
    'prose with a block of code',
    `Like this:\n\`\`\`sh\necho '${CALL.replace('ls -la', 'rm x')}'\n\`\`\`\n${STEP}`,
    ['prose'],
  ],
  ['thinking', `<think>Should I use {"tool": "x"}? [y</think>\n${STEP}`, ['thinking']],
  ['thinking whose beginning the template wrote', `Should I {try}?\n</think>\n${STEP}`, ['thinking']],
  ['thinking in capitals', `[THINK]hm[/THINK]${STEP}`, ['thinking']],
  ['Hermes tags', `<tool_call>\n${NAMED}\n</tool_call>`, ['tags', 'keys']],
  ['Hermes tags without an end', `<tool_call>\n${NAMED}`, ['tags', 'keys']],
  ['Hermes tags after prose', `I will look.\n<tool_call>\n${NAMED}\n</tool_call><|im_end|>`, ['tags', 'prose', 'keys']],
  ['tags of a list', `<tool_calls>[${NAMED}]</tool_calls>`, ['tags', 'list', 'keys']],
  ['Granite and Phi tokens', `<|tool_call|>[${NAMED}]<|/tool_call|>`, ['tags', 'list', 'keys']],
  ['functools', `functools[${NAMED}]`, ['tags', 'list', 'keys']],
  ['Nemotron tags', `<TOOLCALL>[${NAMED}]</TOOLCALL>`, ['tags', 'list', 'keys']],
  [
    'Llama 3.1 with a token',
    `<|python_tag|>{"type":"function","name":"execute_terminal_command","parameters":${ARGS}}<|eom_id|>`,
    ['tags', 'keys', 'extra_keys'],
  ],
  [
    'Llama 4 with tokens (vllm #16214)',
    `<|python_start|>{"name": "execute_terminal_command", "parameters": ${ARGS}}<|python_end|>`,
    ['tags', 'keys'],
  ],
  ['Llama 4 in Python', '<|python_start|>[execute_terminal_command(command="ls -la")]<|python_end|>', ['tags']],
  [
    'Llama 3.2 on Ollama (ollama #13519)',
    `\`\`\`json\n{"name": "execute_terminal_command", "parameters": ${ARGS}}\n\`\`\``,
    ['fence', 'keys'],
  ],
  ['Llama 3.1 with a function tag', `<function=execute_terminal_command>${ARGS}</function>`, ['tags']],
  ['Llama 3.1 without an end', `<function=execute_terminal_command>${ARGS}`, ['tags']],
  [
    'Qwen3-Coder',
    '<tool_call>\n<function=execute_terminal_command>\n<parameter=command>\nls -la\n</parameter>\n' +
      '</function>\n</tool_call>',
    ['tags'],
  ],
  [
    'Qwen3-Coder without the opening tag',
    "I'll look.\n\n<function=execute_terminal_command>\n<parameter=command>\nls -la\n</parameter>\n" +
      '</function>\n</tool_call>',
    ['tags', 'prose'],
  ],
  [
    'Claude tags',
    '<function_calls>\n<invoke name="execute_terminal_command">\n<parameter name="command">ls -la</parameter>\n' +
      '</invoke>\n</function_calls>',
    ['tags'],
  ],
  [
    'MiniMax tags',
    '<minimax:tool_call>\n<invoke name="execute_terminal_command">\n<parameter name="command">ls -la</parameter>\n' +
      '</invoke>\n</minimax:tool_call>',
    ['tags'],
  ],
  [
    'GLM 4.5',
    '<tool_call>execute_terminal_command\n<arg_key>command</arg_key>\n<arg_value>ls -la</arg_value>\n</tool_call>',
    ['tags'],
  ],
  ['GLM 4', `<tool_call>execute_terminal_command\n${ARGS}</tool_call>`, ['tags']],
  ['Mistral', `[TOOL_CALLS][${NAMED}]`, ['tags', 'list', 'keys']],
  ['Mistral with an end token', `[TOOL_CALLS] [${NAMED}]</s>`, ['tags', 'list', 'keys']],
  ['Mistral 3', `[TOOL_CALLS]execute_terminal_command[ARGS]${ARGS}`, ['tags']],
  ['Mistral 3 with an id', `[TOOL_CALLS]execute_terminal_command[CALL_ID]abc123XYZ[ARGS]${ARGS}`, ['tags']],
  [
    'DeepSeek V3',
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>execute_terminal_command\n' +
      `\`\`\`json\n${ARGS}\n\`\`\`<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
    ['tags', 'fence'],
  ],
  [
    'DeepSeek V3.1',
    `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>execute_terminal_command<｜tool▁sep｜>${ARGS}` +
      '<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    ['tags'],
  ],
  [
    'Kimi K2',
    '<|tool_calls_section_begin|><|tool_call_begin|>functions.execute_terminal_command:0' +
      `<|tool_call_argument_begin|>${ARGS}<|tool_call_end|><|tool_calls_section_end|>`,
    ['tags', 'tool_name'],
  ],
  [
    'gpt-oss',
    '<|channel|>analysis<|message|>I {think}<|end|><|start|>assistant<|channel|>commentary ' +
      `to=functions.execute_terminal_command <|constrain|>json<|message|>${ARGS}<|call|>`,
    ['thinking', 'tags', 'tool_name', 'prose'],
  ],
  [
    'gpt-oss whose tokens a server removed',
    `commentary to=functions.execute_terminal_command json${ARGS}`,
    ['tags', 'tool_name', 'prose'],
  ],
  [
    'DeepSeek V3.2',
    '<｜DSML｜function_calls>\n<｜DSML｜invoke name="execute_terminal_command">\n' +
      '<｜DSML｜parameter name="command" string="true">ls -la</｜DSML｜parameter>\n' +
      '</｜DSML｜invoke>\n</｜DSML｜function_calls>',
    ['tags'],
  ],
  [
    'LongCat',
    '<longcat_tool_call>execute_terminal_command\n<longcat_arg_key>command</longcat_arg_key>\n' +
      '<longcat_arg_value>ls -la</longcat_arg_value>\n</longcat_tool_call>',
    ['tags'],
  ],
  [
    'FunctionGemma',
    '<start_function_call>call:execute_terminal_command{command:<escape>ls -la<escape>}<end_function_call>',
    ['tags', 'quotes'],
  ],
  ['Gemma 4', '<|tool_call>call:execute_terminal_command{command:<|"|>ls -la<|"|>}<tool_call|>', ['tags', 'quotes']],
  ['a list of Python', '[execute_terminal_command(command="ls -la")]', ['tags']],
  [
    'a list of Python in prose',
    "I look:\n[execute_terminal_command( command = 'ls -la', )]\n",
    ['tags', 'prose', 'quotes'],
  ],
  ['LFM2', '<|tool_call_start|>[execute_terminal_command(command="ls -la")]<|tool_call_end|>', ['tags']],
  ['a call of Llama 3.1', '<|python_tag|>execute_terminal_command.call(command="ls -la")<|eom_id|>', ['tags']],
  ['Gemma 3', '```tool_code\nprint(execute_terminal_command(command="ls -la"))\n```', ['tags', 'fence']],
  ['the call of Gemini', `{"functionCall":{"name":"execute_terminal_command","args":${ARGS}}}`, ['wrapped', 'keys']],
  ['the properties of its schema', `{"type":"object","properties":${STEP}}`, ['wrapped']],
  ['a list of actions', `{"thought":"look","actions":[${CALL}]}`, ['wrapped']],
  ['tool_args', `{"tool_name":"execute_terminal_command","tool_args":${ARGS}}`, ['keys']],
  ['doubled braces', `{${STEP.replaceAll('{', '{{').replaceAll('}', '}}').slice(1, -1)}}`, ['braces']],
  ['doubled braces around', `{ ${STEP} }`, ['braces']],
  ['LM Studio', `[TOOL_REQUEST]${NAMED}[END_TOOL_REQUEST]`, ['tags', 'keys']],
  [
    'MiniMax M2 on LM Studio (lmstudio-bug-tracker #1177)',
    `[TOOL_CALL] { "tool": "execute_terminal_command", "args": ${ARGS} } [/TOOL_CALL]`,
    ['tags', 'keys'],
  ],
  [
    'MiniMax M2 with arguments like a command',
    '[TOOL_CALL]\n{tool => "execute_terminal_command", args => {\n  --command "ls -la"\n}}\n[/TOOL_CALL]',
    ['tags'],
  ],
  [
    'MiniMax M2 with an object behind an arrow',
    '[TOOL_CALL]{tool => "execute_terminal_command", args => {command: "ls -la"}}[/TOOL_CALL]',
    ['tags', 'keys', 'quotes'],
  ],
  [
    'gpt-oss on LM Studio (lmstudio-bug-tracker #942)',
    '<|start|>assistant<|channel|>commentary to=functions.execute_terminal_command<|constrain|>json' +
      `<|message|>${ARGS}`,
    ['tags', 'tool_name', 'prose'],
  ],
  [
    'a ReAct prompt',
    `Thought: I look.\nAction: execute_terminal_command\nAction Input: ${ARGS}\nObservation: a.txt {b`,
    ['tags', 'prose'],
  ],
  // These and the next seven: the templates and parsers of llama.cpp, October 2026.
  [
    'Command A',
    `<|START_THINKING|>Should I {try}?<|END_THINKING|><|START_ACTION|>[\n    {"tool_call_id": "0", ` +
      `"tool_name": "execute_terminal_command", "parameters": ${ARGS}}\n]<|END_ACTION|>`,
    ['thinking', 'tags', 'list', 'keys', 'extra_keys'],
  ],
  ['Functionary 3.2', `>>>all\nI look.\n>>>execute_terminal_command\n${ARGS}`, ['tags', 'prose']],
  [
    'MiniMax M3',
    ']<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name="execute_terminal_command">]<]minimax[>[<command>ls -la' +
      ']<]minimax[>[</command>]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>',
    ['tags'],
  ],
  [
    'MiniCPM5 with a marked value',
    '<function name="execute_terminal_command"><param name="command"><![CDATA[ls -la]]></param></function>',
    ['tags'],
  ],
  [
    'Hy3',
    '<tool_calls:opensource>\n<tool_call:opensource>execute_terminal_command<tool_sep:opensource>\n' +
      '<arg_key:opensource>command</arg_key:opensource>\n<arg_value:opensource>ls -la</arg_value:opensource>\n' +
      '</tool_call:opensource>\n</tool_calls:opensource>',
    ['tags'],
  ],
  [
    'Solar Open',
    '<|think|>Should I {try}?<|end|><|begin|>assistant<|tool_calls|><|tool_call:begin|>ab12cd<|tool_call:name|>' +
      `execute_terminal_command<|tool_call:args|>${ARGS}<|tool_call:end|>`,
    ['thinking', 'tags', 'prose'],
  ],
  [
    'Kimi K3',
    'Should I {try}?<|close|>think<|sep|><|open|>tools<|sep|><|open|>call tool="execute_terminal_command" index="1"' +
      '<|sep|><|open|>argument key="command" type="string"<|sep|>ls -la<|close|>argument<|sep|><|close|>call<|sep|>' +
      '<|close|>tools<|sep|><|close|>message<|sep|>',
    ['thinking', 'tags', 'prose'],
  ],
  ['OLMo 3', '<function_calls>execute_terminal_command(command="ls -la")</function_calls>', ['tags']],
  ['a list', `[${STEP}]`, ['list']],
  ['a text of JSON', JSON.stringify(STEP), ['json_text']],
  ['a text of JSON in a text of JSON', JSON.stringify(JSON.stringify(STEP)), ['json_text']],
  ['action as a text', JSON.stringify({ thought: 't', action: CALL }), ['json_text', 'wrapped']],
  ['action twice', `{"thought":"t","action":{"action":${CALL}}}`, ['wrapped']],
  ['action as a list', `{"thought":"t","action":[${CALL}]}`, ['wrapped', 'list']],
  ['tool_call', `{"tool_call":${NAMED}}`, ['wrapped', 'keys']],
  [
    'the API of OpenAI',
    '{"role":"assistant","content":"look","tool_calls":[{"id":"c1","type":"function","function":' +
      `{"name":"execute_terminal_command","arguments":${JSON.stringify(ARGS)}}}]}`,
    ['wrapped', 'keys', 'json_text'],
  ],
  [
    'the API of Claude',
    `{"type":"tool_use","id":"t1","name":"execute_terminal_command","input":${ARGS}}`,
    ['keys', 'extra_keys'],
  ],
  [
    'function_call',
    `{"function_call":{"name":"execute_terminal_command","arguments":${JSON.stringify(ARGS)}}}`,
    ['wrapped', 'keys', 'json_text'],
  ],
  ['LangChain', `{"action":"execute_terminal_command","action_input":${ARGS}}`, ['keys']],
  ['LangChain with a text', '{"action":"execute_terminal_command","action_input":"ls -la"}', ['keys', 'bare_argument']],
  ['other keys', `{"thoughts":"t","tool_name":"execute_terminal_command","parameters":${ARGS}}`, ['keys']],
  ['arguments beside the tool', '{"thought":"t","tool":"execute_terminal_command","command":"ls -la"}', ['keys']],
  ["the tool's name as a key", `{"thought":"t","action":{"execute_terminal_command":${ARGS}}}`, ['keys']],
  ['more keys', `{"thought":"t","confidence":0.9,${CALL.slice(1)}`, ['extra_keys']],
  ['arguments as a text', `{"tool":"execute_terminal_command","arguments":${JSON.stringify(ARGS)}}`, ['json_text']],
  ['arguments twice', `{"tool":"execute_terminal_command","arguments":{"arguments":${ARGS}}}`, ['wrapped']],
  [
    'a thought in the arguments',
    '{"tool":"execute_terminal_command","arguments":{"reason":"r","command":"ls -la"}}',
    ['extra_keys'],
  ],
  ['a name space', CALL.replace('execute', 'functions.execute'), ['tool_name']],
  ['other separators', CALL.replace('execute_terminal_command', 'ExecuteTerminal-Command'), ['tool_name']],
  ['the same step twice', `${STEP}\n${STEP}`, ['repeated']],
  ['an example with a placeholder', `The form is {"tool": "NAME", "arguments": {}}.\n${STEP}`, ['prose']],
  ['another object', `The file says {"name": "Bingo", "age": 30}.\n${STEP}`, ['prose']],
];

test.each(WRAPPED)('a step is read that is wrapped in %s', (_, text, repairs) => {
  const reading = readText(text);
  expect(callOf(reading)).toBe(RUN);
  expect(reading.ok && [...reading.repairs].sort()).toEqual([...repairs].sort());
});

/** What a text in tags means: the rule of each chat template. */
test.each([
  ['of Qwen3-Coder, on separate lines', '<function=F>\n<parameter=command>\na\n\n</parameter>\n</function>', 'a\n'],
  ['of Qwen3-Coder without a last line break', '<function=F>\n<parameter=command>\na</parameter>\n</function>', 'a'],
  ['of Qwen3-Coder with CRLF', '<function=F>\r\n<parameter=command>\r\na\r\n</parameter>\r\n</function>', 'a'],
  ['of Seed-OSS', '<seed:tool_call>\n<function=F>\n<parameter=command>\na\n</parameter>\n</function>', '\na\n'],
  ['of MiMo', '<tool_call><function=F><parameter=command>a\n</parameter></function></tool_call>', 'a\n'],
  ['of Claude', '<invoke name="F">\n<parameter name="command">\na\n</parameter>\n</invoke>', '\na\n'],
  ['of MiniMax M3', '<invoke name="F"><command>a\n</command></invoke>', 'a\n'],
  ['of GLM', '<tool_call>F\n<arg_key>command</arg_key>\n<arg_value>a\n</arg_value>\n</tool_call>', 'a\n'],
  [
    'of DeepSeek V3.2 that is JSON',
    '<｜DSML｜invoke name="F"><｜DSML｜parameter name="command" string="false">"a\\n"</｜DSML｜parameter></｜DSML｜invoke>',
    'a\n',
  ],
  [
    'of DeepSeek V3.2 that only looks like JSON',
    '<｜DSML｜invoke name="F"><｜DSML｜parameter name="command" string="true">"a"</｜DSML｜parameter></｜DSML｜invoke>',
    '"a"',
  ],
  ['of MiniCPM5', '<function name="F"><param name="command">a &lt; b &amp;&amp; c</param></function>', 'a < b && c'],
  [
    'of MiniCPM5 that is no XML',
    '<function name="F"><param name="command">a && b &lt;</param></function>',
    'a && b &lt;',
  ],
  [
    'of MiniCPM5 with marks',
    '<function name="F"><param name="command"><![CDATA[\na &lt;\n]]></param></function>',
    '\na &lt;\n',
  ],
])('a value %s is read as it is meant', (_, text, command) => {
  const reading = readText(text.replace('F', 'execute_terminal_command'));
  expect(callOf(reading)).toBe(`execute_terminal_command ${JSON.stringify({ command })}`);
});

const ARROWS = '{tool => "execute_terminal_command", args => {--command "echo \\"--a\\"" --timeout 5}}';

test('arguments like a command keep what is in their texts', () => {
  expect(callOf(readText(ARROWS))).toBe('execute_terminal_command {"command":"echo \\"--a\\"","timeout":5}');
});

test.each(Array.from({ length: ARROWS.length - 1 }, (_, length) => ARROWS.slice(0, length + 1)))(
  'a call with arguments like a command that is cut is refused: %s',
  (text) => {
    expect(readText(text)).toMatchObject({ ok: false });
  },
);

test.each([
  ['the same key twice', '{tool => "execute_terminal_command", args => {--command "a" --command "b"}}'],
  ['quotes in a text', '{tool => "execute_terminal_command", args => {--command "grep "--foo" x"}}'],
  ['a key without a value', '{tool => "execute_terminal_command", args => {--command "a" --force}}'],
  ['a text behind the value', '{tool => "execute_terminal_command", args => {--command "a" b}}'],
])('arguments like a command with %s are refused', (_, text) => {
  expect(readText(text)).toMatchObject({ ok: false });
});

test('a key that is written twice in a parameter with different values is not read', () => {
  const text = (value: string) =>
    '<｜DSML｜invoke name="search_files"><｜DSML｜parameter name="words" string="false">["a"]</｜DSML｜parameter>' +
    `<｜DSML｜parameter name="range" string="false">${value}</｜DSML｜parameter></｜DSML｜invoke>`;
  expect(callOf(readText(text('{"from":1}')))).toBe('search_files {"words":["a"],"range":{"from":1}}');
  expect(readText(text('{"from":1,"from":2}'))).toMatchObject({ ok: false, reason: expect.stringContaining('twice') });
});

test('lists and objects of MiniMax M3 are tags in tags', () => {
  const text =
    '<invoke name="search_files"><words><item>a</item><item>b</item></words><range><from>3</from></range></invoke>';
  const call = 'search_files {"words":["a","b"],"range":{"from":3}}';
  expect(callOf(readText(text.replaceAll('<', ']<]minimax[>[<')))).toBe(call);
});

/** JSON that is almost JSON. */
test.each([
  ['a comma at the end', '{"tool":"execute_terminal_command","arguments":{"command":"ls -la",},}', 'trailing_comma'],
  ['no comma', '{"tool":"execute_terminal_command"\n"arguments":{"command":"ls -la"}}', 'missing_comma'],
  ['a comment', '{"tool":"execute_terminal_command", // look\n"arguments":{/* all */"command":"ls -la"}}', 'comments'],
  [
    "a comment of Python's",
    '{"tool":"execute_terminal_command", # look\n"arguments":{"command":"ls -la"}}',
    'comments',
  ],
  ['single quotes', "{'tool':'execute_terminal_command','arguments':{'command':'ls -la'}}", 'quotes'],
  ['keys without quotes', '{tool:"execute_terminal_command",arguments:{command:"ls -la"}}', 'quotes'],
  ['curved quotes', '{“tool”:“execute_terminal_command”,“arguments”:{“command”:“ls -la”}}', 'quotes'],
  ['triple quotes', '{"tool":"execute_terminal_command","arguments":{"command":"""ls -la"""}}', 'quotes'],
  ['backticks', '{"tool":"execute_terminal_command","arguments":{"command":`ls -la`}}', 'quotes'],
  ["Python's words", '{"tool":"execute_terminal_command","arguments":{"command":"ls -la","timeout":None}}', 'literals'],
  ['arrows for colons', '{"tool" => "execute_terminal_command", "arguments" => {"command" => "ls -la"}}', null],
  [
    "Markdown's escape of a name",
    '{"tool":"execute\\_terminal\\_command","arguments":{"command":"ls -la"}}',
    'escapes',
  ],
  ["Markdown's escape of a key", '{"tool\\_name":"execute_terminal_command","args":{"command":"ls -la"}}', 'escapes'],
  ['a name without quotes', '{"tool": execute_terminal_command, "arguments":{"command":"ls -la"}}', 'quotes'],
  ['an escape that is none', '{"tool":"execute_terminal_command","arguments":{"command":"ls\\x20-la"}}', 'escapes'],
])('a step is read with %s', (_, text, repair) => {
  const reading = readText(text);
  expect(callOf(reading)).toBe(RUN);
  if (repair !== null) expect(reading.ok && reading.repairs).toContain(repair);
});

test('a text keeps its line breaks and quotes as they are', () => {
  const reading = readText(`{'tool':'execute_terminal_command','arguments':{'command':'echo "a"\n\tb\\'c'}}`);
  expect(reading).toMatchObject({ ok: true, value: { arguments: { command: 'echo "a"\n\tb\'c' } } });
  expect(reading.ok && reading.repairs).toEqual(expect.arrayContaining(['quotes', 'control_characters', 'escapes']));
});

/** Values of a neighbouring type. */
test.each([
  ['a number as text', { command: 'ls', timeout: '60' }, { command: 'ls', timeout: 60 }, 'number_text'],
  ['a number with a point', { command: 'ls', timeout: 60.0 }, { command: 'ls', timeout: 60 }, null],
  ['a timeout above the largest', { command: 'ls', timeout: 1e15 }, { command: 'ls', timeout: 3600 }, 'capped'],
  ['null for an option', { command: 'ls', timeout: null, working_dir: null }, { command: 'ls' }, null],
])('%s is read', (_, args, expected, repair) => {
  const reading = readText(JSON.stringify({ tool: 'execute_terminal_command', arguments: args }));
  expect(reading).toMatchObject({ ok: true, value: { arguments: expected } });
  expect(reading.ok && reading.repairs).toEqual(repair === null ? [] : [repair]);
});

test.each([
  ['a text for a list', { words: 'a' }, { words: ['a'] }],
  ['a list as a text', { words: '["a", "b"]' }, { words: ['a', 'b'] }],
  ['a word for true', { words: ['a'], recursive: 'True' }, { words: ['a'], recursive: true }],
  ['an object as a text', { words: ['a'], range: '{"from": "3"}' }, { words: ['a'], range: { from: 3 } }],
  ['a number as text beside null', { words: ['a'], limit: '5' }, { words: ['a'], limit: 5 }],
  ['a number as text where null is a type of the same list', { words: ['a'], depth: '5' }, { words: ['a'], depth: 5 }],
])('%s is read', (_, args, expected) => {
  expect(readText(JSON.stringify({ tool: 'search_files', arguments: args }))).toMatchObject({
    ok: true,
    value: { arguments: expected },
  });
});

test('a parameter beside the arguments belongs to them', () => {
  const text = '{"tool":"execute_terminal_command","arguments":{"command":"ls"},"working_dir":"sub"}';
  expect(callOf(readText(text))).toBe('execute_terminal_command {"working_dir":"sub","command":"ls"}');
});

const FINISHED = 'finish {"summary":"made it","outputs":{"a":"b"}}';

test.each([
  ['under action', '{"thought":"t","action":{"finish":{"summary":"made it","outputs":[{"name":"a","value":"b"}]}}}'],
  ['at the root, with a map', '{"thought":"t","finish":{"summary":"made it","outputs":{"a":"b"}}}'],
  ['as a tool', '{"tool":"finish","arguments":{"summary":"made it","outputs":{"a":"b"}}}'],
  ['as a tool without arguments', '{"tool":"finish","summary":"made it","outputs":{"a":"b"}}'],
  ['as a text', '{"finish":"made it","outputs":{"a":"b"}}'],
  ['as true', '{"finish":true,"summary":"made it","outputs":[{"a":"b"}]}'],
  ['as an action', '{"action":"finish","action_input":{"summary":"made it","outputs":{"a":"b"}}}'],
  ['in capitals', '{"action":"Finish","action_input":{"summary":"made it","outputs":"{\\"a\\":\\"b\\"}"}}'],
  ['beside a tool that is null', '{"tool":null,"arguments":null,"finish":{"summary":"made it","outputs":{"a":"b"}}}'],
  ['with a slip of the pen', '{"finish":{"summary":"made it","output":{"a":"b"}}}'],
  ['with more keys', '{"finish":{"summary":"made it","status":"success","outputs":[{"key":"a","value":"b"}]}}'],
])('finish is read %s', (_, text) => {
  expect(callOf(readText(text))).toBe(FINISHED);
});

test.each([
  '{"finish":"made it"}',
  '{"finish":{"summary":"made it","outputs":null}}',
  '{"tool":"finish","arguments":"made it"}',
  '{"finish":{"summary":"made it","output":"fine"}}',
])('finish is read without outputs: %s', (text) =>
  expect(callOf(readText(text))).toBe('finish {"summary":"made it","outputs":{}}'),
);

describe('a call in an API’s own form', () => {
  const name = 'execute_terminal_command';
  const PARALLEL = {
    name: 'multi_tool_use.parallel',
    arguments: { tool_uses: [{ recipient_name: `functions.${name}`, parameters: { command: 'ls -la' } }] },
  };
  test.each([
    ['with arguments as text (OpenAI)', [{ name, arguments: ARGS }]],
    ['with arguments as an object (Ollama, Claude)', [{ name, arguments: { command: 'ls -la' } }]],
    ['with a name space', [{ name: `functions.${name}`, arguments: ARGS }]],
    ['with a number', [{ name: `functions.${name}:0`, arguments: ARGS }]],
    ['with tokens in its name (vllm #32587)', [{ name: `${name}<|channel|>commentary`, arguments: ARGS }]],
    ['with text in text', [{ name, arguments: JSON.stringify(ARGS) }]],
    ['after an empty object (openai-agents-js #712)', [{ name, arguments: `{}${ARGS}` }]],
    ['with the arguments twice (mudler/cogito #66)', [{ name, arguments: `${ARGS}${ARGS}` }]],
    ['as a step in a function that was not offered', [{ name: 'action', arguments: JSON.parse(STEP) }]],
    ['as a step in itself', [{ name, arguments: JSON.parse(CALL) }]],
    ['as a call in its arguments (ollama #11805)', [{ name, arguments: JSON.parse(NAMED) }]],
    ['as the list of a function that was not offered (craft-agents-oss #449)', [PARALLEL]],
    ['with almost-JSON', [{ name, arguments: "{'command': 'ls -la',}" }]],
  ])('is read %s', (_, calls) => {
    expect(callOf(readCalls(calls, 'I look.'))).toBe(RUN);
  });

  test('has the text beside it as its thought, without thinking and tags', () => {
    expect(readCalls([{ name, arguments: ARGS }], '<think>hm</think>I look.\n<|im_end|>')).toMatchObject({
      ok: true,
      value: { thought: 'I look.' },
      repairs: [],
    });
  });

  test('is the first of several, and the others are named', () => {
    const calls = [
      { name, arguments: ARGS },
      { name: 'workspace_read', arguments: { path: 'a' } },
    ];
    expect(readCalls(calls)).toMatchObject({ ok: true, value: { tool: name }, notRun: ['workspace_read'] });
  });

  test.each([
    [
      'in tags',
      `<tool_call>${NAMED}</tool_call>\n<tool_call>{"name":"finish","arguments":{"summary":"s"}}</tool_call>`,
    ],
    ['in one list of JSON (xLAM)', `[${NAMED}, {"name":"finish","arguments":{"summary":"s"}}]`],
    [
      'in one list of JSON behind thinking',
      `<think>hm</think>[${NAMED}, {"name":"finish","arguments":{"summary":"s"}}]`,
    ],
    ['in a list of calls', `{"tool_calls":[${NAMED},{"name":"finish","arguments":{"summary":"s"}}]}`],
    ['one after the other (hermes-agent #87900)', `${NAMED}\n{"name":"finish","arguments":{"summary":"s"}}`],
    ['with a separator', `${NAMED}; {"name":"finish","parameters":{"summary":"s"}}`],
    [
      'in lines of Python',
      '<function_calls>execute_terminal_command(command="ls -la")\nfinish(summary="s")</function_calls>',
    ],
    ['in Python', '[execute_terminal_command(command="ls -la"), finish(summary="s")]'],
    ['in a list of actions', `{"thought":"t","actions":[${CALL},{"finish":{"summary":"s"}}]}`],
    ['in tokens', `[TOOL_CALLS][${NAMED},{"name":"finish","arguments":{"summary":"s"}}]`],
    [
      'in tokens of one each (lmstudio-bug-tracker #1177)',
      `[TOOL_CALL] ${NAMED} [/TOOL_CALL]\n[TOOL_CALL] {"tool":"finish","args":{"summary":"s"}} [/TOOL_CALL]`,
    ],
  ])('written %s as one of several is the first of them', (_, text) => {
    const reading = readText(text);
    expect(callOf(reading)).toBe(RUN);
    expect(reading).toMatchObject({ notRun: ['finish'] });
  });

  test('of a list that a function which was not offered has is the first, and the others are named', () => {
    const uses = [
      ...PARALLEL.arguments.tool_uses,
      { recipient_name: 'functions.workspace_read', parameters: { path: 'a' } },
    ];
    const reading = readCalls([{ ...PARALLEL, arguments: { tool_uses: uses } }]);
    expect(callOf(reading)).toBe(RUN);
    expect(reading).toMatchObject({ notRun: ['workspace_read'] });
  });

  test('without arguments needs none', () => {
    for (const args of ['', '{}', null, undefined])
      expect(callOf(readCalls([{ name: 'workspace_list', arguments: args }]))).toBe('workspace_list {}');
  });

  test('may carry JSON as the content of a file', () => {
    const content = JSON.stringify({ tool: 'workspace_write', arguments: { path: 'b', content: 'c' } });
    const args = { path: 'a.json', content };
    const expected = `workspace_write ${JSON.stringify(args)}`;
    expect(callOf(readCalls([{ name: 'workspace_write', arguments: args }]))).toBe(expected);
    expect(callOf(readText(JSON.stringify({ tool: 'workspace_write', ...args })))).toBe(expected);
    expect(callOf(readText(JSON.stringify({ tool: 'workspace_write', arguments: args })))).toBe(expected);
  });
});

const SECOND = '{"tool_call_id":"1","tool_name":"workspace_list","parameters":{}}';
const FIRST = SECOND.replace('1', '0').replace('workspace_list', 'execute_terminal_command').replace('{}', ARGS);
test.each([
  ['of Command R7B', `<|START_ACTION|>[${FIRST},${SECOND}]<|END_ACTION|>`],
  ['of Command R', `Plan: I look.\nAction: \`\`\`json\n[${FIRST},${SECOND}]\n\`\`\``],
])('of several calls in a list %s the first is taken', (_, text) => {
  const reading = readText(text);
  expect(callOf(reading)).toBe(RUN);
  expect(reading.ok && reading.notRun).toEqual(['workspace_list']);
});

test.each([
  ['elements of its parameters', '<F>\n<command>ls -la</command>\n<timeout>5</timeout>\n</F>', ',"timeout":5'],
  ['elements in prose', 'I look.\n<F><command>ls -la</command></F>', ''],
  ['a name, a colon and JSON', 'F:\n{"command": "ls -la"}', ''],
  ['print', '<tool_code>\nprint(default_api.F(command="ls -la"))\n</tool_code>', ''],
])('a call by the name of its tool is read with %s', (_, text, more) => {
  const reading = readText(text.replaceAll('F', 'execute_terminal_command'));
  expect(callOf(reading)).toBe(`execute_terminal_command {"command":"ls -la"${more}}`);
});

test.each([
  ['numbers and truth values', { port: 80, share: 0.5, ok: true, off: false }, ['scalar_text']],
  ['a list of them', [{ name: 'port', value: 80 }, { ok: true }], ['scalar_text']],
])('outputs that are %s are read as texts', (_, outputs, repairs) => {
  const reading = readText(JSON.stringify({ finish: { summary: 's', outputs } }));
  const texts = Object.entries(Array.isArray(outputs) ? { port: 80, ok: true } : outputs);
  const expected = Object.fromEntries(texts.map(([name, value]) => [name, String(value)]));
  expect(reading.ok && [reading.value.arguments['outputs'], reading.repairs]).toEqual([expected, repairs]);
});

test('a list of one text is read as the text that is wanted', () => {
  const reading = readText('{"tool":"execute_terminal_command","arguments":{"command":["ls -la"]}}');
  expect([callOf(reading), reading.ok && reading.repairs]).toEqual([RUN, ['list']]);
});

describe('a call by its tool’s name alone', () => {
  const READ = 'workspace_list {}';

  test.each([
    ['behind thinking whose beginning the template wrote', 'Use `ls`.\n</think>\nworkspace_list\n{}'],
    ['behind a token and thinking', '<|im_start|><think>x</think>\nworkspace_list\n{}'],
    [
      'before a step in JSON of which it only speaks',
      `Use <workspace_read> {path}.\n{"tool":"workspace_list","arguments":{}}`,
    ],
  ])('is read %s', (_, text) => {
    expect(callOf(readText(text))).toBe(READ);
  });

  test('is none in a sentence that continues behind its element', () => {
    const element = '<execute_terminal_command><command>rm -rf build</command></execute_terminal_command>';
    expect(callOf(readText(`It would be ${element}, but I must not.`))).toBe('not_json');
    expect(callOf(readText(`I remove it: ${element}`))).toBe('execute_terminal_command {"command":"rm -rf build"}');
  });

  test('in an element keeps a text that is written on its own lines without the line breaks around it', () => {
    const text = '<workspace_write><path>a.sh</path><content>\n#!/bin/sh\nexit 0\n</content></workspace_write>';
    expect(callOf(readText(text))).toBe('workspace_write {"path":"a.sh","content":"#!/bin/sh\\nexit 0"}');
  });
});

test('a whole reply in single quotes, or with escaped ones, is read; a step in one of its texts is none', () => {
  const inner = '{"tool":"workspace_list","arguments":{}}';
  const text = String.raw`{\'tool\':\'execute_terminal_command\',\'arguments\':{\'command\':\'echo ${inner}\'}}`;
  for (const whole of [text, `'${text}'`])
    expect(readText(whole)).toMatchObject({ ok: true, value: { arguments: { command: `echo ${inner}` } } });
});

test('a whole reply whose quotes are escaped is read, also with a line break that is not', () => {
  expect(callOf(readText('{\\"tool\\":\\"workspace_list\\",\n\\"arguments\\":{}}'))).toBe('workspace_list {}');
});
