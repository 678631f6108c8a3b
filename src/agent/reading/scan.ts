/** Finds the JSON values and calls in a reply's text, whatever wraps them. Knows no tools and no steps. */
import { isJson } from '../../domain/json-object.js';
import { readArrowCall } from './arrow-call.js';
import { cut, joined, match, startCursor, wrong, type Cursor, type Cut, type Wrong } from './cursor.js';
import { readLooseJson, type Loose } from './loose-json.js';
import type { Repair } from './repairs.js';
import { readPythonCalls } from './python-call.js';
import { PREFIX, STRAY_END, STRAY_PARAMETER } from './tag-forms.js';
import { readElementCall } from './element-call.js';
import { readTaggedCall } from './tagged-call.js';
import { mayBeWholeCall, readWholeCall, type IsTool } from './whole-call.js';

/** A value in a reply's text. */
export interface Fragment {
  /** The JSON value; for a call in tags {tool, arguments}. */
  readonly value: unknown;
  /** Whether it was written as a call, in the tags or tokens of a chat template. */
  readonly call: boolean;
}

export interface Scan {
  readonly fragments: readonly Fragment[];
  /** Why the text cannot be read on; what was found before it is then not sure either. */
  readonly fault: Cut | Wrong | null;
  /** What is before the first value, without tags. */
  readonly before: string;
}

interface State {
  readonly cursor: Cursor;
  readonly repairs: Set<Repair>;
  readonly isTool: IsTool;
  fragments: Fragment[];
  /** The text outside of values, fences, tags and thinking. */
  outside: string;
  before: string | null;
  /** A mark said that the next value is a call. */
  callFollows: boolean;
  /** Whether a call in tags was read. */
  tagged: boolean;
  fault: Cut | Wrong | null;
  done: boolean;
}

/** @param isTool for calls that only their tool's name shows */
export function scan(text: string, repairs: Set<Repair>, isTool: IsTool = () => false): Scan {
  const whole = textInQuotes(text, repairs) ?? textWithEscapes(text, repairs);
  if (whole !== null) return scan(whole, repairs, isTool);
  const state: State = {
    cursor: startCursor(text, 0),
    repairs,
    isTool,
    fragments: [],
    outside: '',
    before: null,
    callFollows: false,
    tagged: false,
    fault: null,
    done: false,
  };
  while (!state.done && state.fault === null && state.cursor.at < text.length) if (!wholeCall(state)) step(state);
  const around = withoutMarks(state.outside);
  if (around !== '' && state.fragments.length > 0) repairs.add('prose');
  const { fragments, fault } = state;
  const before = withoutMarks(state.before ?? state.outside);
  return { fragments: isSequence(fragments, around) ? fragments.map(asCall) : fragments, fault, before };
}

const asCall = ({ value }: Fragment): Fragment => ({ value, call: true });

/**
 * Several calls as an API has them, {"name": …, "arguments": …}, and nothing else, also in one list (hermes-agent
 * #87900, xLAM, HyperCLOVA X).
 */
function isSequence(fragments: readonly Fragment[], around: string): boolean {
  const values = fragments.flatMap(({ value }) => value);
  return values.length > 1 && /^[\s,;]*$/.test(around) && values.every(isApiCall);
}

function isApiCall(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('name' in value) || typeof value.name !== 'string') return false;
  return Object.keys(value).every((key) => ['id', 'type', 'name', 'arguments', 'parameters'].includes(key));
}

/** The text inside, if the whole reply is one JSON text that may hold a value; else null. */
function textInQuotes(text: string, repairs: Set<Repair>): string | null {
  const start = text.search(/[^\s\0-\x20\uFEFF]/);
  if (!/["']/.test(text[start] ?? '')) return null;
  const read = readLooseJson(text, start, repairs);
  if (read.kind !== 'value' || typeof read.value !== 'string' || text.slice(read.end).trim() !== '') return null;
  repairs.add('json_text');
  return read.value;
}

/** A whole reply whose quotes are escaped, as in a text, but without the quotes of a text around it. */
function textWithEscapes(text: string, repairs: Set<Repair>): string | null {
  const quote = /^\s*[{[]\s*(?:\\n\s*)*\\(["'])/.exec(text)?.[1];
  if (quote === undefined) return null;
  if (quote === "'") return textInQuotes(`'${text.trim()}'`, repairs);
  const escaped = text.trim().replaceAll(/[\0-\x1f]/g, (character) => JSON.stringify(character).slice(1, -1));
  const inner: unknown = isJson(`"${escaped}"`) ? JSON.parse(`"${escaped}"`) : null;
  if (typeof inner !== 'string') return null;
  repairs.add('json_text');
  return inner;
}

/** Before anything else was said; thinking does not count. */
function wholeCall(state: State): boolean {
  const { cursor, fragments, outside, isTool } = state;
  if (fragments.length > 0 || !mayBeWholeCall(cursor, isTool) || withoutMarks(outside) !== '') return false;
  return takeCall(state, readWholeCall(cursor, state.repairs, isTool));
}

type Rule = (state: State) => boolean;

function step(state: State): void {
  const { cursor } = state;
  const next = /[{[<`◁✿]|\](?=<\]minimax)|\bto=|\bcall:|^[ \t>*]*(?:Action|Observation)[ \t]*:|^>>>|functools\[/gim;
  next.lastIndex = cursor.at;
  const found = next.exec(cursor.text)?.index ?? cursor.text.length;
  state.outside += cursor.text.slice(cursor.at, found);
  cursor.at = found;
  if (found < cursor.text.length && !RULES.some((rule) => rule(state))) {
    state.outside += cursor.text[cursor.at];
    cursor.at += 1;
  }
}

const THINKING: readonly (readonly [open: RegExp, close: RegExp])[] = [
  [
    /<(?:[\w-]+:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)>/iy,
    /<\/(?:[\w-]+:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)>/gi,
  ],
  [/\[THINK\]/y, /\[\/THINK\]/g],
  [/◁think▷/y, /◁\/think▷/g],
  [/<\|begin_of_thought\|>/y, /<\|end_of_thought\|>/g],
  [/<\|channel\|>\s*analysis\s*<\|message\|>/y, /<\|end\|>|(?=<\|start\|>|<\|channel\|>)/g],
  // Command A
  [/<\|START_THINKING\|>/y, /<\|END_THINKING\|>/g],
  // Solar Open
  [/<\|think\|>/y, /<\|end\|>/g],
  // Apertus
  [/<\|inner_prefix\|>/y, /<\|inner_suffix\|>/g],
  // Muse
  [/\bto=self\s*<\|message\|>/y, /<\|eom\|>/g],
  // Kimi K3
  [/<\|open\|>think<\|sep\|>/y, /<\|close\|>think<\|sep\|>/g],
  // Gemma 4
  [/<\|channel>thought\b/y, /<channel\|>/g],
  // Inkling
  [/<\|content_thinking\|>/y, /<\|end_message\|>/g],
  // PLaMo 3
  [/<\|plamo:begin_think:plamo\|>/y, /<\|plamo:end_think:plamo\|>/g],
];

/** The end of thinking whose beginning the chat template wrote. */
const THINKING_ENDS = joined('|', 'iy', [
  /<\/(?:[\w-]+:)?(?:think|thinking|reasoning)>|\[\/THINK\]|◁\/think▷/,
  /<\|END_THINKING\|>|<\|close\|>think<\|sep\|>|<\|plamo:end_think:plamo\|>/,
]);

const thinking: Rule = (state) => {
  const { cursor } = state;
  for (const [open, close] of THINKING) {
    const opened = match(cursor, open);
    if (!opened) continue;
    close.lastIndex = cursor.at + opened[0].length;
    const closed = close.exec(cursor.text);
    if (closed) cursor.at = closed.index + closed[0].length;
    else state.fault = { kind: 'cut', inside: 'the thinking', serious: true };
    state.repairs.add('thinking');
    return true;
  }
  const orphan = match(cursor, THINKING_ENDS);
  if (!orphan) return false;
  // The chat template wrote the opening tag: all until here was thinking.
  cursor.at += orphan[0].length;
  state.fragments = [];
  state.outside = '';
  state.before = null;
  state.callFollows = false;
  state.repairs.add('thinking');
  return true;
};

/**
 * A tool's name in tokens, directly before the JSON of its arguments. Names have an end, so that a text such as
 * call:call:call:… is not read to its own end at each call.
 */
const NAMED: readonly RegExp[] = [
  // Mistral
  /\[TOOL_CALLS\]\s*([\w.:/-]{1,200})\s*(?:\[CALL_ID\]\s*[\w-]+\s*)?(?:\[ARGS\]\s*)?(?=\{)/y,
  // DeepSeek V3, R1 and V3.1
  /<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?\s*([\w.:/-]{1,200})\s*(?:<｜tool▁sep｜>)?\s*(?:```\w*\s*)?(?=\{)/y,
  // Kimi K2
  /<\|tool_call_begin\|>\s*([\w.:/-]{1,200})\s*<\|tool_call_argument_begin\|>\s*(?=\{)/y,
  // gpt-oss, with and without its tokens
  /\bto=([\w.:/-]{1,200})(?:\s|<\|\w+\|>|\bjson\b|\bcode\b|\bcommentary\b)*(?=\{)/iy,
  // ReAct prompts
  joined('', 'imy', [
    /^[ \t>*]*Action[ \t]*:\**[ \t]*[`"'*]*([\w.:/-]{1,200})[`"'*]*(?:\(\))?[ \t]*\r?\n/,
    /\s*\**Action[ _]Input[ \t]*:\**\s*(?:```\w*\s*)?(?=\{)/,
  ]),
  // Gemma 4 and FunctionGemma, with and without their tokens
  /\bcall:([\w.:/-]{1,200})\s*(?=\{)/iy,
  // Functionary 3.2
  />>>([A-Za-z_][\w.:/-]{0,200})\s*\n\s*(?=\{)/y,
  // Solar Open
  /(?:<\|tool_call:begin\|>\s*[\w-]*\s*)?<\|tool_call:name\|>\s*([\w.:/-]{1,200})\s*<\|tool_call:args\|>\s*(?=\{)/y,
  // GLM-4
  /<tool_call>\s*([A-Za-z_][\w.:/-]{0,200})\s*(?=\{)/iy,
  // PLaMo 3
  joined('', 'y', [
    /<\|plamo:begin_tool_name:plamo\|>\s*([\w.:/-]{1,200})\s*<\|plamo:end_tool_name:plamo\|>/,
    /\s*<\|plamo:begin_tool_arguments:plamo\|>(?:<\|plamo:\w+\|>|json|\s)*(?=\{)/,
  ]),
  // Qwen-Agent
  /✿FUNCTION✿[ \t]*:[ \t]*([\w.:/-]+)\s*\n\s*✿ARGS✿[ \t]*:\s*(?=\{)/y,
  // Functionary 2
  /<\|recipient\|>\s*([\w.:/-]+)\s*<\|content\|>\s*(?=\{)/y,
  // MiroThinker, and prompts of MCP clients
  /<tool_name>\s*([\w.:/-]{1,200})\s*<\/tool_name>\s*<(?:arguments|parameters|args|input)>\s*(?=\{)/iy,
];

const namedCall: Rule = (state) => {
  const { cursor } = state;
  for (const form of NAMED) {
    const head = match(cursor, form);
    if (!head) continue;
    const read = readLooseJson(cursor.text, cursor.at + head[0].length, state.repairs);
    if (read.kind === 'value') put(state, { tool: head[1], arguments: read.value }, read.end, true);
    else state.fault = read;
    state.repairs.add('tags');
    return true;
  }
  return false;
};

const taggedCall: Rule = (state) => {
  const { cursor, repairs, isTool } = state;
  const read = readTaggedCall(cursor, repairs) ?? readElementCall(cursor, repairs, isTool);
  const isCall = takeCall(state, read);
  state.tagged ||= isCall;
  return isCall;
};

const arrowCall: Rule = (state) => takeCall(state, readArrowCall(state.cursor, state.repairs));

/** @param read what begins at the cursor; null: no call */
function takeCall(state: State, read: Loose | null): boolean {
  if (read === null) return false;
  if (read.kind === 'value') put(state, read.value, read.end, true);
  else state.fault = read;
  state.repairs.add('tags');
  return true;
}

const CALL_MARK = joined('|', 'iy', [
  joined('', '', [
    /(?:\]<\]minimax\[>\[\s*)?<(?!end_)/,
    PREFIX,
    /(?:tool_calls?|toolcalls?|function_calls?|tool_use|tools?)>/,
  ]),
  /<\|(?:tool_calls?|tool_call_start|python_(?:tag|start)|plugin|action_start|tools_prefix)\|>/,
  /<\|content_invoke_tool_json\|>|<\|START_ACTION\|>/,
  // Command R
  /Action[ \t]*:\s*```(?:json)?\s*(?=\[)/,
  /\[TOOL_CALLS?\]|\[TOOL_REQUEST\]|functools(?=\[)|<｜tool▁calls▁begin｜>/,
]);

const callMark: Rule = (state) => {
  const { cursor } = state;
  const mark = match(cursor, CALL_MARK);
  if (!mark) return false;
  cursor.at += mark[0].length;
  state.callFollows = true;
  state.repairs.add('tags');
  if (cursor.text.slice(cursor.at).trim() === '') {
    cut(cursor, 'a call');
    state.fault = cursor.fault;
  }
  return true;
};

/** Languages of blocks that hold no step; a block of JSON may be marked as anything else. */
const CODE_LANGUAGES = joined('|', '', [
  /bash|sh|shell|zsh|console|terminal|powershell/,
  /python|py|ruby|go|rust|c|cpp|java|sql/,
  /yaml|yml|toml|ini|html|css|diff|dockerfile|makefile/,
]);
const CODE = new RegExp(`\`\`\`(?:${CODE_LANGUAGES.source})[ \\t]*\\r?\\n(?!\\s*[{[<])`, 'iy');

const fence: Rule = (state) => {
  const { cursor } = state;
  const code = match(cursor, CODE);
  const mark = match(cursor, /`+[ \t]*[\w+-]*/y);
  if (!mark) return false;
  if (code) {
    const end = cursor.text.indexOf('\n```', cursor.at + code[0].length - 1);
    state.outside += ' code ';
    cursor.at = end === -1 ? cursor.text.length : end + 4;
    return true;
  }
  if (mark[0].startsWith('```')) state.repairs.add('fence');
  cursor.at += mark[0].startsWith('```') ? mark[0].length : 1;
  return true;
};

/** What follows a ReAct call is what the model imagines of its outcome. */
const observation: Rule = (state) => {
  if (
    !match(state.cursor, /^[ \t>*]*Observation[ \t]*:|✿RESULT✿/imy) ||
    !state.fragments.some((fragment) => fragment.call)
  )
    return false;
  state.outside += 'observation';
  state.done = true;
  return true;
};

/** A parameter outside of a call, or the end of none: the call cannot be read, and JSON in it is no step. */
const strayTag: Rule = (state) => {
  const { cursor, tagged } = state;
  // <function>{"name": …}</function> is a mark around JSON.
  const ends = !tagged && match(cursor, STRAY_END) && !cursor.text.slice(0, cursor.at).includes('<function>');
  if (!ends && !match(cursor, STRAY_PARAMETER)) return false;
  wrong(cursor, 'a tag of a call or of its parameter is outside of a call; the tag before it is missing or wrong');
  state.fault = cursor.fault;
  return true;
};

const json: Rule = (state) => {
  const { cursor } = state;
  if (!/[{[]/.test(cursor.text[cursor.at] ?? '')) return false;
  if (
    cursor.text[cursor.at] === '{' &&
    /[=(,:[]\s*["']$/.test(cursor.text.slice(Math.max(0, cursor.at - 20), cursor.at))
  ) {
    wrong(cursor, 'there is an object inside a text in quotes, which may be an argument of something else');
    state.fault = cursor.fault;
    return true;
  }
  const read = readLooseJson(cursor.text, cursor.at, state.repairs);
  if (read.kind === 'value') put(state, read.value, read.end, state.callFollows);
  else if (read.serious) state.fault = read;
  else return false;
  return true;
};

/** Calls as Python writes them (Llama 4, Gemma, LFM2). */
const pythonCalls: Rule = (state) => {
  const read = readPythonCalls(state.cursor, state.repairs);
  if (read === null) return false;
  if (read.kind === 'calls') for (const value of read.calls) put(state, value, read.end, true);
  else state.fault = read;
  state.repairs.add('tags');
  return true;
};

const RULES: readonly Rule[] = [
  ...[thinking, namedCall, taggedCall, arrowCall, pythonCalls, callMark],
  ...[strayTag, fence, observation, json],
];

function put(state: State, value: unknown, end: number, call: boolean): void {
  state.before ??= state.outside;
  state.fragments.push({ value, call });
  state.callFollows = false;
  state.cursor.at = end;
}

/** A text without the tags and tokens of chat templates, and without the labels of a ReAct prompt. */
function withoutMarks(text: string): string {
  return (
    text
      .replaceAll(
        joined('|', 'g', [
          /\]<\]minimax\[>\[/,
          /<[|｜][^<>]{0,60}[|｜]>|<\/?｜\w{1,20}｜[\w:-]{1,40}>/,
          /<[/|]?(?:[a-z]{1,20}\|)?[\w:-]{1,40}\|?>|<\/?s>/,
          /\[\/?[A-Z_]{2,20}\]/,
        ]),
        '',
      )
      // Blank lines before it stay: from the first of many, each would be searched to the last.
      .replaceAll(/^[ \t]*Thought[ \t]*:\s*/gim, '')
      .replaceAll(/[\0-\x08\x0b-\x1f\uFEFF\u200B]/g, '')
      .trim()
  );
}
