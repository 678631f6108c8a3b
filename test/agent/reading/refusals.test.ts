import type { CutWhy } from '../../../src/ports/model.js';
import { callOf, readCalls, readReply, readText } from './support.js';

const CALL = '{"tool":"execute_terminal_command","arguments":{"command":"ls"}}';
const OTHER = '{"tool":"execute_terminal_command","arguments":{"command":"rm -rf build"}}';
const NAMED = '{"name":"execute_terminal_command","arguments":{"command":"ls"}}';
const refusal = (text: string) => {
  const reading = readText(text);
  return reading.ok ? callOf(reading) : `${reading.fault}: ${reading.reason}`;
};

test.each<[string, string, string, string]>([
  ['empty', '  \n\uFEFF', 'empty', 'the reply is empty; reply with exactly one JSON object'],
  ['prose only', 'I am done with the task.', 'not_json', 'the reply is not JSON; reply with exactly one'],
  ['thinking only', '<think>I should look.</think>', 'not_json', 'the reply is not JSON'],
  ['thinking that does not end', `<think>I should ${CALL}`, 'cut', 'ends inside the thinking'],
  ['thinking of Command A that does not end', `<|START_THINKING|>I should ${CALL}`, 'cut', 'ends inside the thinking'],
  [
    'a parameter that ends twice',
    '<invoke name="execute_terminal_command"><command>echo "</command>"</command></invoke>',
    'not_json',
    'something else between the parameters',
  ],
  [
    'a marked value that is cut',
    '<function name="execute_terminal_command"><param name="command"><![CDATA[ls</param></function>',
    'cut',
    'ends inside an argument',
  ],
  [
    'an argument of Kimi K3 that is cut',
    '<|open|>call tool="execute_terminal_command" index="1"<|sep|>' +
      '<|open|>argument key="command" type="string"<|sep|>ls',
    'cut',
    'ends inside an argument',
  ],
  ['two steps', `${CALL}\n${OTHER}`, 'ambiguous', 'has 2 different steps in it'],
  ['two calls with prose between them', `${NAMED}\nThen:\n${NAMED.replace('ls', 'pwd')}`, 'ambiguous', '2 different'],
  [
    "Markdown's escape in a text that may mean it",
    '{"tool":"execute_terminal_command","arguments":{"command":"grep a\\_b c"}}',
    'not_json',
    'no escape of JSON',
  ],
  [
    'a word of JavaScript',
    '{"tool":"execute_terminal_command","arguments":{"command":undefined}}',
    'not_json',
    'value',
  ],
  ['two words without quotes', '{"tool":"execute_terminal_command","arguments":{"command":rm x}}', 'not_json', 'value'],
  ['two braces and one', '{{"tool":"workspace_list","arguments":{}}', 'cut', 'ends inside an object'],
  ['a positional argument of Python', '<|python_tag|>workspace_read("a")', 'not_json', 'NAME=VALUE'],
  ['Python that is cut', '[execute_terminal_command(command="ls"', 'cut', 'ends inside a call'],
  ['a list of two steps', `[${CALL},${OTHER}]`, 'ambiguous', '2 different steps'],
  [
    'an example beside the step',
    `For example ${OTHER}.\n\`\`\`json\n${CALL}\n\`\`\``,
    'ambiguous',
    '2 different steps',
  ],
  [
    'an example beside a call',
    `<example_tool_call>${CALL}</example_tool_call>\n<tool_call>${OTHER}</tool_call>`,
    'ambiguous',
    '2 different',
  ],
  ['a step beside a call in tags', `<tool_call>${CALL}</tool_call>\n${OTHER}`, 'ambiguous', '2 different steps'],
  [
    'a tool and finish',
    '{"tool":"workspace_list","arguments":{},"finish":{"summary":"s"}}',
    'ambiguous',
    '(finish, workspace_list)',
  ],
  [
    'two names of tools',
    '{"tool":"workspace_list","name":"workspace_read","arguments":{}}',
    'ambiguous',
    '2 different',
  ],
  ['an object without a step', '{"answer": 42}', 'nothing', 'the reply has no step in it'],
  ['arguments only', '{"command":"ls"}', 'nothing', 'has no step'],
  ['a step inside the content of a file', JSON.stringify({ path: 'a', content: CALL }), 'nothing', 'has no step'],
  ['an unknown tool', '{"tool":"workspace_reed","arguments":{}}', 'unknown_tool', 'did you mean "workspace_read"?'],
  ['an unknown tool with flat arguments', '{"tool":"bash","command":"ls"}', 'unknown_tool', 'there is no tool "bash"'],
  ['no required argument', '{"tool":"workspace_read","arguments":{}}', 'arguments', 'path'],
  [
    'an argument that does not exist',
    '{"tool":"workspace_read","arguments":{"path":"a","lines":3}}',
    'arguments',
    'lines',
  ],
  [
    'a text for a number',
    '{"tool":"workspace_read","arguments":{"path":"a","start_line":"first"}}',
    'arguments',
    'start_line',
  ],
  ['a number for a text', '{"tool":"workspace_read","arguments":{"path":7}}', 'arguments', 'path'],
  [
    'an argument in two places',
    '{"tool":"workspace_read","arguments":{"path":"a"},"path":"b"}',
    'arguments',
    'path is there twice',
  ],
  [
    'two different arguments',
    '{"tool":"workspace_read","arguments":{"path":"a"},"parameters":{"path":"b"}}',
    'ambiguous',
    '2 different',
  ],
  ['a key twice', '{"tool":"workspace_read","arguments":{"path":"a","path":"b"}}', 'not_json', '"path" is there twice'],
  [
    'a quote inside a text',
    '{"tool":"execute_terminal_command","arguments":{"command":"echo "hi""}}',
    'not_json',
    'is missing here, near',
  ],
  [
    'an escape that is not clear',
    '{"tool":"execute_terminal_command","arguments":{"command":"grep \\."}}',
    'not_json',
    'write \\\\ for a backslash',
  ],
  [
    'broken JSON around a step',
    `{"tool":"workspace_write","arguments":{"path":"a","content":"{"x": ${OTHER}"}}`,
    'not_json',
    'near',
  ],
  ['no colon', `{'content' '${OTHER}'}`, 'not_json', 'no colon'],
  [
    'a parameter that holds tags',
    '<function=workspace_write>\n<parameter=path>a</parameter>\n' +
      '<parameter=content><parameter=path>b</parameter></parameter>\n</function>',
    'not_json',
    'not clear where',
  ],
  [
    'a value whose last line break may be part of it',
    '<tool_call>\n<function=execute_terminal_command>\n<parameter=command>ls\n</parameter>\n</function>\n</tool_call>',
    'not_json',
    'whether the last line break of the parameter command is part of it',
  ],
  [
    'a path on separate lines in tags that have none',
    '<invoke name="workspace_read">\n<parameter name="path">\na.txt\n</parameter>\n</invoke>',
    'arguments',
    'path: must not have a line break in it',
  ],
  [
    'a parameter that does not end in a call that ends',
    '<tool_call>\n<function=execute_terminal_command>\n<parameter=command>\nls\n</function>\n</tool_call>',
    'not_json',
    'the parameter command has no tag that ends it',
  ],
  [
    'a value with its own end tags',
    '<function=workspace_write><parameter=path>a</parameter>' +
      '<parameter=content>x</parameter></function>y</parameter></function>',
    'not_json',
    'not clear where the parameter content ends',
  ],
  [
    'a call in tags whose own tag is missing',
    `<parameter=content>${OTHER}</parameter>`,
    'not_json',
    'outside of a call',
  ],
  [
    'a call in tags whose own tag is wrong',
    `<invok name="x"><content>${OTHER}</content></invoke>`,
    'not_json',
    'outside',
  ],
  [
    'a call whose tags lack their brackets (mlx-lm #1145)',
    'invoke name="execute_terminal_command">\nparameter name="command">ls -laparameter>\ninvoke>',
    'not_json',
    'the reply is not JSON',
  ],
  [
    'a text of Python that holds a step',
    `I call workspace_write(path='a', content='${OTHER}')`,
    'not_json',
    'inside a text',
  ],
  [
    'a value that is neither text nor JSON',
    '<invoke name="execute_terminal_command"><parameter name="command" string="maybe">ls</parameter></invoke>',
    'not_json',
    'whether the parameter command is a text',
  ],
  [
    'a curved quote in curved quotes',
    '{“tool”:“workspace_read”,“arguments”:{“path”:“a“b”}}',
    'not_json',
    'not clear where',
  ],
  [
    'escaped quotes behind prose, and a step in one of its texts',
    String.raw`Now: {\'tool\': \'workspace_write\', \'content\': \'{"tool":"workspace_list","arguments":{}}\'}`,
    'not_json',
    'a key in double quotes',
  ],
  [
    'a curved quote before what looks like a comment',
    '{“tool”:“workspace_read”,“arguments”:{“path”:“a” #b”\n}}',
    'not_json',
    'use double quotes',
  ],
  [
    'a list of different calls and prose',
    `I call [${NAMED},${NAMED.replace('ls', 'pwd')}]`,
    'ambiguous',
    '2 different',
  ],
  ['a finish without a summary', '{"finish":{"outputs":[]}}', 'arguments', 'summary'],
  ['a finish with an empty summary', '{"finish":{"summary":" "}}', 'arguments', 'must not be empty'],
  ['outputs that are no texts', '{"finish":{"summary":"s","outputs":{"ports":[80]}}}', 'arguments', 'outputs'],
  [
    'an output that is a number with more digits than are kept',
    '{"finish":{"summary":"s","outputs":{"id":12345678901234567890}}}',
    'arguments',
    'outputs',
  ],
  ['a list of two texts for a text', '{"tool":"workspace_read","arguments":{"path":["a","b"]}}', 'arguments', 'path'],
  ['a list of a number for a text', '{"tool":"workspace_read","arguments":{"path":[7]}}', 'arguments', 'path'],
  [
    'an output twice',
    '{"finish":{"summary":"s","outputs":[{"name":"a","value":"b"},{"name":"a","value":"c"}]}}',
    'arguments',
    'outputs',
  ],
  [
    'a result that is too long',
    JSON.stringify({ finish: { summary: 's', outputs: { a: 'x'.repeat(70_000) } } }),
    'arguments',
    'write a file',
  ],
  ['too deep', '{"tool":'.repeat(200), 'not_json', 'nested too deeply'],
])('a reply that is %s is refused with what to do', (_, text, fault, reason) => {
  expect(refusal(text)).toContain(`${fault}: `);
  expect(refusal(text)).toContain(reason);
});

test.each([
  ['inside a text', '{"tool":"execute_terminal_command","arguments":{"command":"rm -rf /workspace/'],
  ['after a text', '{"tool":"execute_terminal_command","arguments":{"command":"rm -rf /workspace/build"'],
  ['before the last bracket', CALL.slice(0, -1)],
  ['inside an escape', '{"tool":"execute_terminal_command","arguments":{"command":"echo \\'],
  ['inside a number', '{"tool":"execute_terminal_command","arguments":{"command":"ls","timeout":6'],
  ['inside a word', '{"tool":"execute_terminal_command","arguments":{"command":"ls","timeout":nul'],
  ['inside a comment', '{"tool":"execute_terminal_command", // because'],
  ['inside a parameter', '<function=execute_terminal_command>\n<parameter=command>\nrm -rf /workspace/'],
  ['between parameters', '<function=execute_terminal_command>\n<parameter=command>\nls\n</parameter>\n'],
  ['inside a call', `I look.\n<tool_call>\n`],
  ['inside a second step', `${CALL}\n{"tool":"workspace_read","arg`],
])('a reply that ends %s is cut, whatever its stop reason', (_, text) => {
  expect(callOf(readText(text))).toBe('cut');
  expect(callOf(readReply({ text, ending: { kind: 'complete' } }))).toBe('cut');
});

describe('a reply that the server says was cut', () => {
  const cut = (why: CutWhy, detail = 'cut at 2048 tokens (num_predict)') => ({ kind: 'cut', why, detail }) as const;

  test.each<[CutWhy, string]>([
    ['output_limit', 'Be shorter'],
    ['context_full', 'leaves little room for a reply. Be shorter'],
    ['only_thinking', 'Think much less'],
    ['not_loaded', 'not the fault of your reply'],
    ['filtered', 'in other words'],
    ['interrupted', 'not the fault of your reply'],
  ])('is named with its numbers and advice by its cause: %s', (why, advice) => {
    const reading = readReply({ text: '{"thought":"I', ending: cut(why) });
    expect(reading).toMatchObject({ ok: false, fault: 'cut' });
    expect(!reading.ok && reading.reason).toContain('cut at 2048 tokens (num_predict)');
    expect(!reading.ok && reading.reason).toContain(advice);
    expect(!reading.ok && reading.reason.includes('Be shorter')).toBe(advice.includes('Be shorter'));
  });

  test('is read if its only object had ended before', () => {
    expect(readReply({ text: `${CALL}\n\n\n`, ending: cut('output_limit') })).toMatchObject({
      ok: true,
      repairs: ['cut_after'],
    });
  });

  test.each([
    ['in prose', { text: `For example ${CALL}. But`, ending: cut('output_limit') }],
    ['of which more may follow', { text: `${CALL}\nand`, ending: cut('output_limit') }],
    ['that a filter ended', { text: CALL, ending: cut('interrupted') }],
    [
      'with calls that an SDK may have completed',
      { text: '', toolCalls: [{ name: 'workspace_read', arguments: { path: 'a' } }], ending: cut('output_limit') },
    ],
  ])('is not read %s', (_, reply) => {
    expect(callOf(readReply(reply))).toBe('cut');
  });
});

describe('a call in an API’s own form', () => {
  test.each([
    ['whose arguments end inside a text', [{ name: 'workspace_read', arguments: '{"path":"a' }], 'cut'],
    ['whose arguments are not JSON', [{ name: 'workspace_write', arguments: 'path=a' }], 'arguments'],
    [
      'whose arguments lack their beginning, which is no command (vllm #34887)',
      [{ name: 'execute_terminal_command', arguments: 'command": "uptime"}' }],
      'arguments',
    ],
    [
      'whose arguments are a bare text, which nothing ends (rm -rf /workspace/build)',
      [{ name: 'execute_terminal_command', arguments: 'rm -rf /workspace/' }],
      'arguments',
    ],
    ['whose summary is a bare text', [{ name: 'finish', arguments: 'all done, except' }], 'arguments'],
    [
      'whose arguments lack their beginning up to the value',
      [{ name: 'execute_terminal_command', arguments: 'ls -la"}' }],
      'arguments',
    ],
    [
      'whose arguments in quotes lack their beginning up to the value',
      [{ name: 'execute_terminal_command', arguments: JSON.stringify('ls -la"}') }],
      'arguments',
    ],
    [
      'with different arguments twice',
      [{ name: 'workspace_read', arguments: '{"path":"a"}{"path":"b"}' }],
      'arguments',
    ],
    ['of an unknown tool', [{ name: 'bash', arguments: { command: 'ls' } }], 'unknown_tool'],
    [
      'of an unknown tool before a known one',
      [
        { name: 'bash', arguments: {} },
        { name: 'workspace_list', arguments: {} },
      ],
      'unknown_tool',
    ],
  ])('%s is refused', (_, calls, fault) => {
    expect(callOf(readCalls(calls))).toBe(fault);
  });

  test.each([
    ['in quotes', 'ls -la'],
    ['in quotes that ends like an object', 'awk \'{ print "a"}\''],
  ])('whose arguments are one text %s is read', (_, command) => {
    const reading = readCalls([{ name: 'execute_terminal_command', arguments: JSON.stringify(command) }]);
    expect(callOf(reading)).toBe(`execute_terminal_command ${JSON.stringify({ command })}`);
  });

  test('beside a text with another step is refused', () => {
    expect(callOf(readCalls([{ name: 'workspace_list', arguments: {} }], CALL))).toBe('ambiguous');
  });
});

/** A text that only speaks of a tool. */
test.each([
  ['its name', 'execute_terminal_command'],
  ['its name in prose', 'I would use execute_terminal_command\n{"command":"rm -rf build"}'],
  ['its name and JSON before prose', 'execute_terminal_command\n{"command":"rm -rf build"}\nis what I would run.'],
  ['its name before what is no arguments', 'workspace_list\n\nis the tool for {this}'],
  ['a call of Python in prose', 'I would call execute_terminal_command(command="rm -rf build").'],
  ['a call of Python before prose', 'execute_terminal_command(command="rm -rf build") removes it.'],
  ['two calls of Python', 'execute_terminal_command(command="ls")\nexecute_terminal_command(command="rm -rf build")'],
  ['a call in a block of Python after prose', 'For example:\n```python\nworkspace_read(path="a")\n```'],
  ['a block of Python with more', '```python\nx = 1\nworkspace_read(path="a")\n```'],
  ['a tag of it', 'The tag <execute_terminal_command> takes {"command":"rm -rf build"} as its text.'],
  ['a tag of it that ends nowhere', '<execute_terminal_command>{"command":"rm -rf build"}'],
  ['a tag of it with prose', '<execute_terminal_command>a command</execute_terminal_command>'],
  ['an element of it', 'It is <name>execute_terminal_command</name> and {"command":"rm -rf build"}.'],
  ['a type', '{"type":"execute_terminal_command","command":"rm -rf build"}'],
  ['a call of no tool', 'print(command="ls")'],
  ['a name of no tool', 'Answer\n{"command":"ls"}'],
  ['a tag of no tool', '<answer>{"command":"ls"}</answer>'],
  ['the start of a list of calls', '<|START_ACTION|>'],
  ['a command that is no call', '{"thoughts":{},"command":{"text":"ls"}}'],
])('a reply with only %s is no step', (_, text) => {
  expect(['not_json', 'nothing', 'cut', 'ambiguous']).toContain(callOf(readText(text)));
});

test('what a call by its name alone has after it that is not clear is no other step', () => {
  const text = `execute_terminal_command\n${OTHER}`;
  expect(callOf(readText(text))).toBe('execute_terminal_command {"command":"rm -rf build"}');
  expect(callOf(readText(`workspace_read\n${OTHER}`))).toBe('execute_terminal_command {"command":"rm -rf build"}');
});
