import { wrongConfiguration } from './cli-error.js';

const LINE = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/;

/**
 * Reads NAME=value lines: # starts a comment, quotes are taken off, "…" knows \n.
 * Node's own util.parseEnv skips lines that it cannot read; here they are an error with their number.
 */
export function parseEnvFile(text: string, file: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  text.split(/\r?\n/).forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const match = LINE.exec(trimmed);
    const value = match === null ? null : unquote(match[2] ?? '');
    if (match === null || value === null) {
      throw wrongConfiguration(
        `${file}:${index + 1}: this line is not NAME=value`,
        'Correct the line, or put # before it.',
      );
    }
    values.set(match[1] ?? '', value);
  });
  return values;
}

/** The value without its quotes and comment; null when a quote is not closed. */
function unquote(text: string): string | null {
  const quote = text.charAt(0);
  if (quote !== '"' && quote !== "'") return text.replace(/\s+#.*$/, '').trim();
  const end = text.indexOf(quote, 1);
  if (end === -1 || !/^\s*(#.*)?$/.test(text.slice(end + 1))) return null;
  const inner = text.slice(1, end);
  return quote === '"' ? inner.replaceAll('\\n', '\n') : inner;
}
