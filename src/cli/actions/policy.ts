import { resolve } from 'node:path';
import { abilitiesOf, ANY_AGENT } from '../../ports/policy.js';
import { openPolicy } from '../../swarm/policy.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { policyFile } from '../from-settings.js';
import { readRoster } from '../mission-source.js';
import { table } from '../table.js';

/** Reads a policy, tries its examples and lists its rules. Rejects with ConfigError (exit 2). */
export async function testPolicy(context: CommandContext, file: string | null): Promise<ExitCode> {
  const { host } = context;
  const named = file === null ? policyFile(context) : resolve(host.cwd, file);
  const policy = await openPolicy(named, host.packageDir, true);
  const rules = policy.rules.map(({ name, decision, examples, reason }) => ({ name, decision, examples, reason }));
  if (context.json) context.print({ file: policy.file, default: policy.otherwise, rules });
  else {
    const rows = rules.map(({ name, decision, examples, reason }) => [name, decision, String(examples), reason]);
    host.stdout.write(table([['RULE', 'DECISION', 'EXAMPLES', 'REASON'], ...rows]));
    context.say(`\n${policy.line}; all examples hold`);
  }
  return EXIT.done;
}

/** Prints the verdict on a command of an agent, which need not be there. */
export async function explainCommand(
  context: CommandContext,
  { agent, tainted }: { readonly agent: string; readonly tainted: boolean },
  command: string,
): Promise<ExitCode> {
  const { policy } = await openPolicy(policyFile(context), context.host.packageDir);
  const spec = agent === ANY_AGENT ? null : (await readRoster(context)).byName(agent);
  const verdict = policy.judgeCommand(agent, command, { tainted, ...abilitiesOf(spec) });
  if (context.json) context.print(verdict);
  else context.host.stdout.write(table([[verdict.decision, `by ${verdict.rule}`, verdict.reason]]));
  return EXIT.done;
}
