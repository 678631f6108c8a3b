/** Commands that a broker or a registry refuses: what a person reads, and with which code the program ends. */
import type { TestClone } from '../../cli/support/clone.js';
import { runInPipe } from '../../cli/support/ravenhelm.js';

export interface Refusal {
  readonly name: string;
  readonly argv?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** 2: only a person can change it; 3: it may pass. */
  readonly code: 2 | 3;
  /** All of stderr from `error:` on: a line with the cause, one with what to do; … is any text. */
  readonly says: string;
}

/** Text that differs between runs, and what is shown instead. */
export type Replacements = readonly (readonly [found: string, shown: string])[];

export interface Said {
  readonly code: number | null;
  readonly says: string;
}

/** The golden text where it fits, … in it being any text within a line; else the text itself, for the difference. */
export function fitted(text: string, golden: string): string {
  const parts = golden.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(text) ? golden : text;
}

const AT_ONCE = 6;

/** Runs all of them, some at a time: most of their time is spent on waiting. */
export async function runRefusals(
  clone: TestClone,
  refusals: readonly Refusal[],
  replacements: Replacements,
): Promise<ReadonlyMap<string, Said>> {
  const said = new Map<string, Said>();
  const waiting = [...refusals];
  const runNext = async (): Promise<void> => {
    const next = waiting.shift();
    if (next === undefined) return;
    said.set(next.name, await runRefusal(clone, next, replacements));
    return runNext();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runNext));
  return said;
}

export async function runRefusal(
  clone: TestClone,
  { argv = ['status'], env }: Pick<Refusal, 'argv' | 'env'>,
  replacements: Replacements,
): Promise<Said> {
  const { code, stderr } = await runInPipe(clone, argv, env);
  const at = stderr.lastIndexOf('error: ');
  const text = at < 0 ? stderr : stderr.slice(at + 'error: '.length);
  return { code, says: replacements.reduce((shown, [found, by]) => shown.replaceAll(found, by), text).trimEnd() };
}
