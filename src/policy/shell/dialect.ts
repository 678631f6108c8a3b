/**
 * Where /bin/sh may read a text in another way than the parser, which reads Bash. The sandbox has the system's sh: dash
 * on Debian and Ubuntu, Bash elsewhere. A text of which dash would run another part is unclear. Other words that only
 * Bash has (process substitution, here-strings, arrays) are syntax errors in dash, which then runs nothing of the line.
 */
import type { HereDoc, SyntaxNode } from 'unbash';

/** What is unclear about this part itself; null: nothing. */
export function differenceOf(node: SyntaxNode): string | null {
  switch (node.type) {
    case 'ArithmeticCommand':
      return 'what (( )) is: sh takes it for two subshells';
    case 'AnsiCQuoted':
      return node.text.includes("\\'") ? "where $'…\\'…' ends: sh ends it at the first quote" : null;
    case 'ArithmeticExpansion':
      if (node.text.startsWith('$[')) return 'what $[ ] is: sh takes it for text';
      // Two words next to one another are no arithmetic; $(( may also begin a subshell in a substitution.
      return node.expression === undefined || /[\w)\]}]\s+[\w$(]/.test(node.text) ? 'what $(( )) is' : null;
    case 'ExtendedGlob':
      return 'what an extended pattern is: sh does not have them';
    case 'TestLogical':
      return 'what && and || in [[ ]] are: sh runs the words after them';
    case 'TestBinary':
      return node.operator === '<' || node.operator === '>' ? 'what < and > in [[ ]] are: sh redirects' : null;
    case 'TestGroup':
      return 'what ( ) in [[ ]] is: sh runs it';
    case 'Assignment':
      return node.index === undefined ? null : 'an array: sh takes it for a command';
    case 'ParameterExpansion':
      return hasQuotes(node.text) ? 'where ${…} ends: shells read quotes in it in different ways' : null;
    case 'Command':
      return hasWordAfterBoth(node) ? 'what &> is: sh starts a new command behind it' : null;
    case 'HereDoc':
      return unusualEnd(node);
    default:
      return null;
  }
}

/** ${x%"$y"} is the same everywhere; single quotes and backslashes are not. */
function hasQuotes(text: string): boolean {
  return /['\\]/.test(text) || (text.match(/"/g)?.length ?? 0) % 2 === 1;
}

function hasWordAfterBoth(node: SyntaxNode & { readonly type: 'Command' }): boolean {
  const both = node.redirects.find((one) => one.type === 'Redirect' && one.operator.startsWith('&>'));
  return (
    both !== undefined &&
    [...node.args, ...(node.name === undefined ? [] : [node.name])].some(({ pos }) => pos > both.pos)
  );
}

function unusualEnd({ delimiter, body, closing }: HereDoc): string | null {
  if (delimiter === undefined || closing === undefined) return 'where the here-document ends: it has no end';
  if (!/^(?:'[\w.-]+'|"[\w.-]+"|\\?[\w.-]+)$/.test(delimiter.text)) return 'where the here-document ends';
  if (delimiter.quoted) return null;
  const joined = body.text.replaceAll('\\\n', '').split('\n');
  return body.text.endsWith('\\\n') || joined.includes(delimiter.value) ? 'where the here-document ends' : null;
}
