// What the figures and the architecture test need of a source file's syntax tree. TypeScript 7 has no parser for
// JavaScript programs to call, so swc reads the files.
import { parseSync } from '@swc/core';

/**
 * @typedef {{ name: string, line: number, lines: number }} FunctionFacts line is the first one, from 1
 * @typedef {{ imports: string[], functions: FunctionFacts[] }} FileFacts
 *   imports: specifiers of imports and re-exports, types and import() included
 */

const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'Constructor',
  'MethodProperty',
  'GetterProperty',
  'SetterProperty',
]);

/**
 * @param {string} text TypeScript, or JavaScript modules
 * @returns {FileFacts}
 */
export function factsOf(text) {
  // swc counts UTF-8 bytes, and continues to count from file to file. The semicolon marks where this file begins.
  const source = Buffer.from(`;${text.replace(/^#!/, '//')}`);
  const tree = parseSync(source.toString(), { syntax: 'typescript', target: 'es2022' });
  const lineAt = lineCounter(source, tree.span.start);
  const facts = { imports: [], functions: [] };
  visit(tree, null, (node, name) => {
    const specifier = specifierOf(node);
    if (specifier !== null) facts.imports.push(specifier);
    if (!FUNCTIONS.has(node.type)) return;
    const line = lineAt(node.span.start);
    facts.functions.push({
      name: ownNameOf(node) ?? name ?? 'anonymous',
      line,
      lines: lineAt(node.span.end) - line + 1,
    });
  });
  return facts;
}

/** Depth first. The name is that of the variable, property or class that holds the node, for functions without one. */
function visit(value, name, onNode) {
  if (Array.isArray(value)) return value.forEach((item) => visit(item, name, onNode));
  if (typeof value !== 'object' || value === null) return;
  if (typeof value.type === 'string') onNode(value, name);
  const inner = holderNameOf(value) ?? name;
  for (const [field, child] of Object.entries(value)) if (field !== 'span') visit(child, inner, onNode);
}

function ownNameOf(node) {
  if (node.type === 'Constructor') return 'constructor';
  return node.identifier?.value ?? textOf(node.key);
}

function holderNameOf(node) {
  switch (node.type) {
    case 'VariableDeclarator':
      return textOf(node.id);
    case 'KeyValueProperty':
    case 'ClassProperty':
      return textOf(node.key);
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
      return `inside ${node.identifier?.value}`;
    default:
      return null;
  }
}

function textOf(node) {
  return typeof node?.value === 'string' ? node.value : (node?.id?.value ?? null);
}

function specifierOf(node) {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return node.source?.value ?? null;
    case 'TsImportType':
      return node.argument.value;
    case 'CallExpression':
      return node.callee.type === 'Import' ? textOf(node.arguments[0]?.expression) : null;
    default:
      return null;
  }
}

/** The line of a byte position, from 1. */
function lineCounter(source, start) {
  const ends = [];
  for (let at = source.indexOf(10); at !== -1; at = source.indexOf(10, at + 1)) ends.push(at);
  return (position) => {
    const index = ends.findIndex((end) => end >= position - start);
    return (index === -1 ? ends.length : index) + 1;
  };
}
