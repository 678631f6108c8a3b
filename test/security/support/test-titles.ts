/** Titles of tests, read from the syntax tree: a comment or another text with the same words is none. */
import { parseSync } from '@swc/core';

interface Node {
  readonly type?: string;
  readonly [field: string]: unknown;
}

/**
 * The titles of a file of tests: the first argument of each call whose second one is a function, such as
 * `test(title, …)`, `test.each(table)(title, …)`, `describe(title, …)` and wrappers of them. What is written as skipped
 * or to be done is no test.
 * @throws when the text is not TypeScript
 */
export function testTitles(text: string): readonly string[] {
  const titles: string[] = [];
  walk(parseSync(text, { syntax: 'typescript', target: 'es2022' }), (node) => {
    const title = titleOf(node);
    if (title !== null) titles.push(title);
  });
  return titles;
}

function titleOf(node: Node): string | null {
  if (node.type !== 'CallExpression' || !Array.isArray(node['arguments'])) return null;
  const [first, second] = node['arguments'].map((argument) => expressionOf(argument));
  if (!isFunction(second) || isLeftOut(nodeOf(node['callee']))) return null;
  return textOf(first);
}

const isFunction = (node: Node | undefined): boolean =>
  ['ArrowFunctionExpression', 'FunctionExpression', 'CallExpression', 'Identifier'].includes(node?.type ?? '');

/** test.skip(…) and test.todo(…), but not (isRoot ? test : test.skip)(…). */
function isLeftOut(callee: Node | undefined): boolean {
  if (callee?.type !== 'MemberExpression') return false;
  return ['skip', 'todo', 'failing'].includes(String(nodeOf(callee['property'])?.['value']));
}

/** Of a template its fixed parts, joined by %s, as tables of tests write what is put in. */
function textOf(node: Node | undefined): string | null {
  if (node?.type === 'StringLiteral') return String(node['value']);
  if (node?.type !== 'TemplateLiteral' || !Array.isArray(node['quasis'])) return null;
  return node['quasis'].map((part) => String(nodeOf(part)?.['cooked'])).join('%s');
}

const nodeOf = (value: unknown): Node | undefined =>
  typeof value === 'object' && value !== null ? { ...value } : undefined;
const expressionOf = (argument: unknown): Node | undefined => nodeOf(nodeOf(argument)?.['expression']);

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) for (const each of value) walk(each, visit);
  const node = nodeOf(value);
  if (node === undefined || Array.isArray(value)) return;
  visit(node);
  for (const field of Object.values(node)) if (typeof field === 'object') walk(field, visit);
}
