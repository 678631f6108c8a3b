import type { Document } from 'yaml';
import { shortened } from '../domain/quoted.js';

/** The first syntax error of a YAML text; later ones mostly follow from it. */
export interface YamlFault {
  readonly offset: number;
  readonly message: string;
  readonly fix: string;
}

type Fault = Document['errors'][number] | Document['warnings'][number];

const INDENTATION = 'the indentation of this line or the next is probably wrong';
/** Enough for the parser's message and a part of the line. */
const LONGEST_MESSAGE = 100;

export function yamlFault(document: Document): YamlFault | null {
  // The parser reports a tab after the errors that it causes.
  const fault =
    document.errors.find((error) => error.code === 'TAB_AS_INDENT') ?? document.errors[0] ?? document.warnings[0];
  return fault === undefined ? null : { offset: fault.pos[0], ...inPlainWords(fault) };
}

function inPlainWords(fault: Fault): { readonly message: string; readonly fix: string } {
  if (fault.code === 'MULTIPLE_DOCS')
    return {
      message: 'a second YAML document starts here',
      fix: 'keep one document in the file and remove the others',
    };
  if (fault.code === 'TAB_AS_INDENT')
    return { message: 'this is not valid YAML: tabs are not allowed as indentation', fix: 'indent with spaces' };
  const cause = probableCause(fault);
  return {
    message: `this is not valid YAML: ${shortened(fault.message, LONGEST_MESSAGE)}`,
    fix: cause === null ? 'correct the line' : `correct the line: ${cause}`,
  };
}

function probableCause({ code, message }: Fault): string | null {
  if (code === 'BLOCK_AS_IMPLICIT_KEY') return `${INDENTATION}, or a value with a colon needs quotes`;
  if (code === 'MULTILINE_IMPLICIT_KEY') return `${INDENTATION}, or a colon is missing`;
  const isBracket = message.startsWith('Flow ');
  return (code === 'BAD_INDENT' && !isBracket) || message.startsWith('Sequence item without -') ? INDENTATION : null;
}
