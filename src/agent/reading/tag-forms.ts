/**
 * The forms of calls with a tag for each parameter, and what the text of a parameter means in each. The rules are those
 * of the chat templates, and of the parsers of vLLM, SGLang and llama.cpp where a template does not say it (November
 * 2026).
 */
import { joined } from './cursor.js';

/** A parameter's tag: its name, and what it says of its value. */
export interface Key {
  readonly name: string;
  /** The tag's element, such as parameter. */
  readonly element: string;
  /** Whether it is written <parameter=NAME>. */
  readonly assigned: boolean;
  /** What the tag says of its value; "unclear" is neither. */
  readonly type: 'text' | 'json' | 'unclear';
}

/** A parameter as it is written. */
export interface Written {
  readonly key: Key;
  readonly text: string;
  /** Whether its tag begins on a separate line. */
  readonly onOwnLine: boolean;
  /** Whether marks are around the text, so that nothing of it is left out. */
  readonly isMarked: boolean;
}

export interface TagForm {
  /** Group "tool" is the tool's name. */
  readonly open: RegExp;
  readonly close: RegExp;
  /** Groups: name; element, assigned, attributes and type, where the form has them. */
  readonly key: RegExp;
  /** Where the value of a key ends. */
  endOfValue(key: Key): RegExp;
  /** What a value cannot hold: where it ends would not be sure. */
  readonly nested: RegExp;
  /** The value that a parameter's text means; null if that is not sure. @param call all of its parameters */
  valueOf(one: Written, call: TaggedCall): string | null;
}

export interface TaggedCall {
  /** What is before it. */
  readonly before: string;
  readonly parameters: readonly Written[];
}

/**
 * Of a tag's name: minimax:, antml:, steptml:, ifm|, longcat_, ｜DSML｜, ｜GCML｜. Not any name before an underscore:
 * <example_tool_call> and <available_tools> are no calls.
 */
export const PREFIX = /(?:[A-Za-z][\w-]*[:|]|(?:longcat|dots|zyphra|iquestcoder)_|｜\w+｜)?/;
const ATTRIBUTES = /(?<attributes>(?:\s+[\w-]+\s*=\s*"[^"]*")*)/;

/**
 * Claude, MiniMax M2, DeepSeek V3.2 and 4, GigaChat 3.5, Step 3, Dots: <invoke name="…"><parameter name="…">;
 * Qwen3-Coder, Nemotron 3, Step 3.5, Zyphra, Seed-OSS, MiMo: <function=…><parameter=…>;
 * MiniCPM5: <function name="…"><param name="…">.
 */
const NAMED_TAGS: TagForm = {
  open: joined('', 'iy', [
    /</,
    PREFIX,
    /(?:function|tool|invoke|tool_call)(?:\s*=\s*|\s+name\s*=\s*)["']?(?<tool>[\w.:/-]+)["']?/,
    ATTRIBUTES,
    /\s*>/,
  ]),
  close: joined('', 'iy', [/<\//, PREFIX, /(?:function|tool|invoke|tool_call)\s*>/]),
  key: joined('', 'iy', [
    /</,
    PREFIX,
    /(?<element>parameter|param)(?:(?<assigned>\s*=\s*)|\s+name\s*=\s*)["']?(?<name>[\w.-]+)["']?/,
    ATTRIBUTES,
    /\s*>/,
  ]),
  endOfValue: ({ element }) => new RegExp(`</${PREFIX.source}${element}\\s*>`, 'gi'),
  nested: joined('', 'i', [/</, PREFIX, /(?:parameter|param|function|invoke)(?:\s*=|\s+name\s*=)/]),
  valueOf: (one, call) => (one.key.assigned ? betweenLines(one, call) : xmlText(one)),
};

/** GLM 4.5 to 5, Ling 3, Spark 3, LongCat, iQuest, K2 Horizon (with <ifm|arg_type>). */
const KEYS_AND_VALUES: TagForm = {
  open: joined('', 'iy', [
    /</,
    PREFIX,
    /tool_call>\s*(?<tool>[A-Za-z_][\w.:/-]*)\s*/,
    /(?=<(?:[a-z]+[_|])?arg_key>|<\/(?:[a-z]+[_|])?tool_call>)/,
  ]),
  close: joined('', 'iy', [/<\//, PREFIX, /tool_call>/]),
  key: joined('', 'iy', [
    /<(?:[a-z]+[_|])?arg_key>\s*(?<name>[\w.-]+)\s*<\/(?:[a-z]+[_|])?arg_key>\s*/,
    /(?:<(?:[a-z]+[_|])?arg_type>(?<type>[^<]*)<\/(?:[a-z]+[_|])?arg_type>\s*)?<(?:[a-z]+[_|])?arg_value>/,
  ]),
  endOfValue: () => /<\/(?:[a-z]+[_|])?arg_value>/gi,
  nested: /<(?:[a-z]+[_|])?arg_(?:key|type|value)>/i,
  valueOf: ({ text }) => text,
};

/** Hy3, whose tags may have a suffix, such as :opensource. */
const HY3: TagForm = {
  open: /<tool_call(?::\w+)?>\s*(?<tool>[A-Za-z_][\w.:/-]*?)\s*<tool_sep(?::\w+)?>/iy,
  close: /<\/tool_call(?::\w+)?>/iy,
  key: /<arg_key(?::\w+)?>\s*(?<name>[\w.-]+)\s*<\/arg_key(?::\w+)?>\s*<arg_value(?::\w+)?>/iy,
  endOfValue: () => /<\/arg_value(?::\w+)?>/gi,
  nested: /<arg_(?:key|value)(?::\w+)?>/i,
  valueOf: ({ text }) => text,
};

const KIMI_K3: TagForm = {
  open: joined('', 'y', [
    /<\|open\|>call\s+tool="(?<tool>[\w.:/-]+)"(?:\s+[\w-]+="[^"]*")*<\|sep\|>/,
    /(?:<\|open\|>json\b[^<>|]*<\|sep\|>)?/,
  ]),
  close: /<\|close\|>call<\|sep\|>/y,
  key: /<\|open\|>argument\s+key="(?<name>[\w.-]+)"(?<attributes>(?:\s+[\w-]+="[^"]*")*)<\|sep\|>/y,
  endOfValue: () => /<\|close\|>argument<\|sep\|>/g,
  nested: /<\|(?:open|close|sep)\|>/,
  valueOf: ({ text }) => text,
};

/** MiniMax M3 names a parameter by its tag; this is it without its token. */
const TAG_IS_KEY: TagForm = {
  open: /<invoke\s+name="(?<tool>[\w.:/-]+)">(?=\s*<(?!parameter\b|param\b)[A-Za-z_][\w-]*>)/y,
  close: /<\/invoke>/y,
  key: /<(?!parameter\b|param\b)(?<name>[A-Za-z_][\w-]*)>/y,
  endOfValue: ({ name }) => new RegExp(`</${name}>`, 'g'),
  nested: /<invoke\s+name=/,
  valueOf: ({ text }) => text,
};

/** The tool's own element, with one for each parameter (Cline, Roo Code and models that imitate their prompts). */
export const elementForm = (tool: string): TagForm => ({
  open: new RegExp(`<(?<tool>${tool})>`, 'y'),
  close: new RegExp(`</${tool}>`, 'y'),
  key: /<(?<name>[A-Za-z_][\w-]*)>/y,
  endOfValue: ({ name }) => new RegExp(`</${name}>`, 'g'),
  nested: new RegExp(`</?${tool}>`),
  valueOf: betweenLines,
});

export const TAG_FORMS: readonly TagForm[] = [TAG_IS_KEY, NAMED_TAGS, KEYS_AND_VALUES, HY3, KIMI_K3];

const JSON_TYPES = /^(?:object|dict|map|array|list|number|integer|float|int|boolean|bool|null)\b/i;

/** The key of a match of a form's expression for keys. */
export function keyOf({ groups = {} }: RegExpExecArray): Key {
  const { name = '', element = '', assigned, attributes = '', type } = groups;
  const said = /\b(string|type)\s*=\s*"([^"]*)"/.exec(attributes);
  const key = { name, element: element.toLowerCase(), assigned: assigned !== undefined };
  if (said?.[1] !== 'string') return { ...key, type: JSON_TYPES.test(said?.[2] ?? type ?? '') ? 'json' : 'text' };
  return { ...key, type: said[2] === 'true' ? 'text' : said[2] === 'false' ? 'json' : 'unclear' };
}

/**
 * Qwen3-Coder and those that follow it put a value on separate lines: one line break at each end is not part of it.
 * Seed-OSS and MiMo write it directly behind the tag, and all of it counts. A last line break without a first one is of
 * the second kind only if something else in the call is.
 */
function betweenLines({ key, text, onOwnLine }: Written, { before, parameters }: TaggedCall): string | null {
  if (/<seed:tool_call>\s*$/.test(before)) return text;
  if (startsOnNextLine(text)) return text.replace(/^\r?\n/, '').replace(/\r?\n$/, '');
  if (!text.endsWith('\n') || !onOwnLine) return text;
  const others = parameters.filter((other) => other.key.name !== key.name);
  return others.length > 0 && !others.some((other) => startsOnNextLine(other.text)) ? text : null;
}

const startsOnNextLine = (text: string): boolean => /^\r?\n/.test(text);

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** MiniCPM5's call is XML. A text that is not XML is taken as it is, as its parsers do. */
function xmlText({ text, key }: Written): string {
  if (key.element !== 'param' || /<|&(?!(?:lt|gt|amp|quot|apos);)/.test(text)) return text;
  return text.replaceAll(/&(\w+);/g, (_, entity: string) => ENTITIES[entity] ?? '');
}

/** A parameter's tag, which means nothing outside of a call. */
export const STRAY_PARAMETER = joined('|', 'iy', [
  joined('', '', [/</, PREFIX, /(?:parameter|param)(?:\s*=\s*|\s+name\s*=\s*)["']?[\w.-]+["']?[^<>]*>/]),
  /<(?:[a-z]+[_|])?arg_(?:key|type|value)(?::\w+)?>/,
  /<\|open\|>argument\b/,
  /\]<\]minimax\[>\[\s*<(?!tool_call|invoke|think|\/)[A-Za-z_]/,
]);

/** The end of a call or of a parameter, which means nothing if none began. */
export const STRAY_END = joined('|', 'iy', [
  joined('', '', [/<\//, PREFIX, /(?:parameter|param|invoke|function)\s*>/]),
  /<\/(?:[a-z]+[_|])?arg_(?:key|type|value)(?::\w+)?>/,
  /<\|close\|>(?:argument|call)\b/,
  /\]<\]minimax\[>\[\s*<\/(?!tool_call|think)[A-Za-z_]/,
]);
