/** A step of the ReAct loop, out of a reply. */
import { chooseInstead } from '../../domain/did-you-mean.js';
import type { ChatReply, NativeCall } from '../../ports/model.js';
import type { ToolDefinition } from '../../ports/tools.js';
import { FINISH, type Step } from '../step.js';
import { cutMiddle } from '../tokens.js';
import { textArguments } from './arguments-text.js';
import { readArguments } from './arguments.js';
import { newFinishSchema, plainFinish } from './finish.js';
import { parametersOf } from './fit-arguments.js';
import { isBag, jsonText, proposalsOf, type FindTool, type Proposal } from './proposals.js';
import { readReply, type Candidate, type Reading, type Refused } from './read-reply.js';
import type { Repair } from './repairs.js';
import { createToolFinder, isPlaceholder } from './tool-names.js';

export type StepReader = (reply: Pick<ChatReply, 'text' | 'toolCalls' | 'ending'>) => Reading<Step>;

/** Of what a model said around its call. */
const THOUGHT_CHARACTERS = 4_000;

const FORM =
  'reply with exactly one JSON object and nothing else: ' +
  '{"thought": "…", "action": {"tool": "NAME", "arguments": {…}}}, or finish as its action';

/** Reads steps with these tools and finish. */
export function createStepReader(tools: readonly ToolDefinition[]): StepReader {
  const find = createToolFinder(tools.map(({ name }) => name));
  const candidate = (proposal: Proposal) => candidateOf(proposal, tools, find);
  return (reply) =>
    readReply(reply, {
      noun: 'step',
      form: FORM,
      isTool: (written) => find(written) !== null,
      fromValue: (value, before) =>
        proposalsOf(value, find, cutMiddle(before, THOUGHT_CHARACTERS))
          .filter(({ tool }) => find(tool) !== null || !isPlaceholder(tool))
          .map(candidate),
      fromCall: (call, said) => nativeProposals(call, cutMiddle(said, THOUGHT_CHARACTERS), tools, find).map(candidate),
    });
}

/**
 * Some models call a function that was not offered, such as "action", with the whole step as its arguments, or
 * multi_tool_use.parallel with a list of calls (craft-agents-oss #449).
 */
function nativeProposals(
  { name, arguments: args }: NativeCall,
  thought: string,
  tools: readonly ToolDefinition[],
  find: FindTool,
): readonly Proposal[] {
  const call: Proposal = {
    ...{ thought, tool: name, arguments: args, beside: {} },
    ...{ wasQuoted: false, inSequence: true, repairs: new Set<Repair>() },
  };
  const given = typeof args === 'string' ? jsonText(args, new Set()) : args;
  const own = ownKeys(find(name), tools);
  if (!isBag(given) || Object.keys(given).some((key) => own.includes(key))) return [call];
  const steps = proposalsOf(given, find, thought).filter(({ tool }) => find(tool) !== null);
  const [step, ...others] = steps;
  const isListed = find(name) === null && steps.every(({ inSequence }) => inSequence);
  if (step === undefined || (others.length > 0 && !isListed) || (find(name) !== null && find(name) !== find(step.tool)))
    return [call];
  return steps.map((one) => ({ ...one, inSequence: true, repairs: new Set<Repair>([...one.repairs, 'wrapped']) }));
}

/** The parameters of a tool, of finish, or of none. */
function ownKeys(name: string | null, tools: readonly ToolDefinition[]): readonly string[] {
  if (name === FINISH) return ['summary', 'outputs'];
  return Object.keys(parametersOf(tools.find((tool) => tool.name === name)?.parameters));
}

function candidateOf(proposal: Proposal, tools: readonly ToolDefinition[], find: FindTool): Candidate<Step> {
  const repairs = new Set(proposal.repairs);
  const name = find(proposal.tool);
  if (name !== null && name !== proposal.tool) repairs.add('tool_name');
  const read = name === null ? unknownTool(proposal.tool, tools) : readCall(name, proposal, tools, repairs);
  const { thought, inSequence } = proposal;
  const label = name ?? proposal.tool;
  if (!('arguments' in read)) return { key: keyOf(label, proposal.arguments), label, inSequence, result: read };
  const value: Step = { thought, tool: label, arguments: read.arguments };
  return { key: keyOf(label, read.arguments), label, inSequence, result: { ok: true, value, repairs } };
}

type Call = { readonly arguments: Readonly<Record<string, unknown>> };

function readCall(
  name: string,
  proposal: Proposal,
  tools: readonly ToolDefinition[],
  repairs: Set<Repair>,
): Call | Refused {
  const tool = tools.find((one) => one.name === name);
  if (tool) {
    const read = readArguments(tool, proposal, repairs);
    return read.ok ? { arguments: read.arguments } : read;
  }
  const { arguments: given, wasQuoted } = proposal;
  const read =
    typeof given === 'string'
      ? textArguments(given, { name, alone: 'summary', wasQuoted }, repairs)
      : { ok: true as const, value: given };
  if (!read.ok) return read;
  const finish = newFinishSchema.safeParse(plainFinish(read.value, proposal.beside, repairs));
  if (finish.success) return { arguments: finish.data };
  const problems = finish.error.issues.map(({ path, message }) => [...path.slice(0, 1), message].join(': ')).join('; ');
  return { ok: false, fault: 'arguments', reason: `finish is wrong: ${problems}` };
}

function unknownTool(written: string, tools: readonly ToolDefinition[]): Refused {
  const names = [...tools.map(({ name }) => name), FINISH];
  const shown = written.slice(0, 100);
  const reason = `there is no tool ${JSON.stringify(shown)}; ${chooseInstead(shown, names)}`;
  return { ok: false, fault: 'unknown_tool', reason };
}

function keyOf(tool: string, args: unknown): string {
  return JSON.stringify([tool, sorted(args)]);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isBag(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, part]): [string, unknown] => [key, sorted(part)])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}
