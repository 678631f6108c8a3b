/** `${{ inputs.NAME }}` in the texts of a mission file and of playbooks. */
import { chooseInstead, nearest } from '../domain/did-you-mean.js';
import { isSecretInput, readingOf, type MissionInput } from '../domain/mission-inputs.js';
import { quoted } from '../domain/quoted.js';
import type { Problem } from './config-error.js';
import { textsIn, type TextAt } from './texts-in.js';
import type { YamlSource } from './yaml-source.js';

type Declared = Pick<MissionInput, 'name' | 'type'>;

/** `${{ … }}`, or its beginning without an end; a $ before it keeps it as it is. */
const EXPRESSION = /(\$?)\$\{\{(?:((?:(?!\}\})[\s\S]){0,200})\}\})?/g;
const REFERENCE = /^inputs\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)$/;

/** What an expression is about: name where it is one of an input; null: it is not about inputs, and stays. */
function aboutInputs(body: string, declared: readonly Declared[]): { readonly name: string | null } | null {
  const expression = body.trim();
  const [, name] = REFERENCE.exec(expression) ?? [];
  if (name !== undefined) return { name };
  if (declared.some((input) => input.name === expression)) return { name: null };
  const [, context = ''] = /^([A-Za-z_]+)\s*\./.exec(expression) ?? [];
  return /^inputs\b/.test(expression) || nearest(context, ['inputs']) !== null ? { name: null } : null;
}

interface Found {
  /** As it is written. */
  readonly written: string;
  /** Of a reference. */
  readonly name: string | null;
}

function expressionsIn(text: string, declared: readonly Declared[]): readonly Found[] {
  return [...text.matchAll(EXPRESSION)].flatMap(({ 0: written, 1: kept, 2: body, index }) => {
    if (kept === '$') return [];
    const rest = body ?? text.slice(index + '${{'.length, index + 200);
    if (body === undefined) return /^\s*inputs\b/.test(rest) ? [{ written: `\${{${rest}`, name: null }] : [];
    const about = aboutInputs(body, declared);
    return about === null ? [] : [{ written, ...about }];
  });
}

/** The text with the values of the inputs, which are not looked at again. An input without a value leaves nothing. */
export function expandInputs(text: string, declared: readonly Declared[], values: ReadonlyMap<string, string>): string {
  return text.replace(EXPRESSION, (written: string, kept: string, body: string | undefined) => {
    const about = body === undefined ? null : aboutInputs(body, declared);
    if (about === null) return written;
    if (kept === '$') return written.slice(1);
    return about.name === null ? written : (values.get(about.name) ?? '');
  });
}

/** The inputs whose values are put into a text. */
export const inputsNamedIn = (text: string, declared: readonly Declared[]): readonly string[] => [
  ...new Set(expressionsIn(text, declared).flatMap(({ name }) => name ?? [])),
];

/** expanded: values are put in. command: it has variables. plain: neither. */
type TextKind = 'expanded' | 'command' | 'plain';

/** What is wrong with the expressions of a file. kindOf says what its text at a path is; null: it may have any. */
export function expressionProblems<T>(
  source: YamlSource<T>,
  declared: readonly Declared[],
  kindOf: (path: TextAt['path']) => TextKind | null,
): readonly Problem[] {
  return textsIn(source.value, []).flatMap(({ text, path }) => {
    const kind = text.includes('${{') ? kindOf(path) : null;
    if (kind === null) return [];
    return expressionsIn(text, declared).flatMap((found) => {
      const problem = kind === 'expanded' ? wrongIn(found, declared) : notExpanded(found, declared, kind);
      return problem === null ? [] : [source.problemAt(path, problem.message, problem.fix)];
    });
  });
}

/** Whether the text at a path is a command, in mission files and in those of agents. */
export const isCommandAt = (path: TextAt['path']): boolean => path.at(-1) === 'command' || path.at(-1) === 'unless';

interface Wrong {
  readonly message: string;
  readonly fix: string;
}

function wrongIn({ written, name }: Found, declared: readonly Declared[]): Wrong | null {
  if (name === null)
    return {
      message: `${quoted(written)} is none of an input`,
      fix: 'write ${{ inputs.NAME }}, or $${{ … }} to keep it as it is',
    };
  const input = declared.find((each) => each.name === name);
  if (input === undefined) return unknown(name, declared);
  return isSecretInput(input)
    ? {
        message: `the input ${quoted(name)} is a secret, which no text shows`,
        fix: `say that its file is ${readingOf(input)}`,
      }
    : null;
}

const unknown = (name: string, declared: readonly Declared[]): Wrong => ({
  message: `the mission has no input ${quoted(name)}`,
  fix:
    declared.length === 0
      ? 'declare it in inputs, or write $${{ … }} to keep it as it is'
      : chooseInstead(
          name,
          declared.map((input) => input.name),
        ),
});

function notExpanded({ written, name }: Found, declared: readonly Declared[], kind: TextKind): Wrong {
  const input = declared.find((each) => each.name === name);
  const reading = readingOf(input ?? { name: name ?? 'NAME', type: 'string' });
  if (kind === 'command')
    return {
      message: `a command has ${quoted(written)}: a value could change what it does, so nothing is put in`,
      fix: `write ${reading}, the environment variable, in quotes ('$''{{ … }}' keeps the text as it is)`,
    };
  return {
    message:
      `${quoted(written)} is in a place where no value is put in: ` +
      'only the brief, descriptions, protected, changes and artifacts have values',
    fix: `leave it out; commands and checks read ${reading}`,
  };
}
