/** Which tool a model means. */
import { FINISH } from '../step.js';
import type { FindTool } from './proposals.js';

/** Names that examples use for a tool; no tool has them. */
const PLACEHOLDER = /^(name|tool|tool_?name|function_?name|your_tool|example|string|\.\.\.|…|<.*>|\{.*\})$/i;

export const isPlaceholder = (written: string): boolean => PLACEHOLDER.test(written.trim());

/**
 * Finds a tool by the name that a model wrote: as it is, else without a name space (functions.x, default_api:x), a
 * call's number (x:0), brackets (x()) or the tokens of a chat template (x<|channel|>commentary), in any capitals and
 * with any separators; only if exactly one tool remains.
 */
export function createToolFinder(names: readonly string[]): FindTool {
  const all = [...names, FINISH];
  return (written) => {
    if (all.includes(written)) return written;
    const bare = written
      .replace(/<\|.*$/s, '')
      .replaceAll(/["'`*]/g, '')
      .replace(/\(\s*\)\s*$/, '')
      .replace(/:\d+\s*$/, '')
      .trim();
    const last = bare.slice(1 + Math.max(...['.', ':', '/'].map((separator) => bare.lastIndexOf(separator))));
    for (const name of [bare, last]) {
      if (all.includes(name)) return name;
      const same = all.filter((one) => plain(one) === plain(name));
      if (same.length === 1) return same[0] ?? null;
    }
    return null;
  };
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]/g, '');
