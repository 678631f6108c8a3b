/** What a TypeScript file imports and which globals it touches, read from its syntax tree. */
import { parseSync } from '@swc/core';

export interface SourceFacts {
  /** Specifiers of imports and re-exports, types and import() included. */
  readonly imports: readonly string[];
  /** Globals as the code writes them, such as process.env or Math.random; those without a member by their name. */
  readonly globals: readonly string[];
}

const WATCHED_GLOBALS = [
  'process',
  'Date',
  'Math',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'crypto',
  'globalThis',
];

interface Node {
  readonly type?: string;
  readonly [field: string]: unknown;
}

/** @throws when the text is not TypeScript */
export function readSource(text: string): SourceFacts {
  const imports: string[] = [];
  const globals: string[] = [];
  walk(parseSync(text, { syntax: 'typescript', target: 'es2022' }), (node) => {
    const specifier = specifierOf(node);
    if (specifier !== null) imports.push(specifier);
    const global = globalOf(node);
    if (global === null) return true;
    globals.push(global);
    // Of Math.random, Math is not a second finding.
    return node.type !== 'MemberExpression';
  });
  return { imports, globals };
}

/** Depth first; visit says whether to continue below the node. */
function walk(value: unknown, visit: (node: Node) => boolean): void {
  if (Array.isArray(value)) return value.forEach((item) => walk(item, visit));
  if (typeof value !== 'object' || value === null) return;
  const node = value as Node;
  if (typeof node.type === 'string' && !visit(node)) return;
  for (const [field, child] of Object.entries(node)) if (!isName(node, field)) walk(child, visit);
}

/** The name of a property, a type or an import is no use of a global. */
function isName(node: Node, field: string): boolean {
  if (node.type === 'MemberExpression') return field === 'property' && nameOf(node.property) !== null;
  return ['key', 'typeName', 'imported', 'local'].includes(field) && nameOf(node[field]) !== null;
}

function specifierOf(node: Node): string | null {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return textOf(node.source);
    case 'TsImportType':
      return textOf(node.argument);
    case 'CallExpression':
      return (node.callee as Node).type === 'Import' || nameOf(node.callee) === 'require'
        ? (textOf(argumentsOf(node)[0]?.expression) ?? 'a computed import')
        : null;
    default:
      return null;
  }
}

const argumentsOf = (node: Node): readonly Node[] =>
  Array.isArray(node.arguments) ? (node.arguments as readonly Node[]) : [];
const textOf = (value: unknown): string | null =>
  (value as Node | null | undefined)?.type === 'StringLiteral' ? String((value as Node).value) : null;
const nameOf = (value: unknown): string | null =>
  (value as Node | null | undefined)?.type === 'Identifier' ? String((value as Node).value) : null;

function globalOf(node: Node): string | null {
  if (node.type === 'NewExpression' && nameOf(node.callee) === 'Date')
    return argumentsOf(node).length === 0 ? 'new Date()' : null;
  if (node.type === 'MemberExpression') {
    const object = nameOf(node.object);
    if (object === null || !WATCHED_GLOBALS.includes(object)) return null;
    return `${object}.${nameOf(node.property) ?? textOf((node.property as Node).expression) ?? 'a computed member'}`;
  }
  const name = nameOf(node);
  return name !== null && WATCHED_GLOBALS.includes(name) && name !== 'Date' && name !== 'Math' ? name : null;
}
