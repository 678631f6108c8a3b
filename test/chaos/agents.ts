/** The scripted agents and missions. Each step's command writes a line into a ledger in the mission's workspace. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { directory, type Site } from './site.js';

export const LEDGER = 'ledger';
export const MODEL = 'chaos:latest';

/** A step that the ledger knows. Within one mission a mark belongs to one step of one task. */
export interface MarkedStep {
  readonly mark: string;
  /** Whether it may run again after it was interrupted. */
  readonly repeatable: boolean;
  readonly seconds: number;
}

const steps = (agent: string, seconds: readonly number[], repeatable: boolean): readonly MarkedStep[] =>
  seconds.map((each, index) => ({ mark: `${agent}/${index + 1}`, repeatable, seconds: each }));

/** Steps by agent and playbook. scout and clerk ask first whether a step is done; smith and keeper cannot tell. */
export const STEPS = {
  'scout_agent notes': steps('scout', [0.1, 0.4, 0.1], true),
  'scout_agent long': steps('long', [50], true),
  'smith_agent work': steps('smith', [0.2, 0.8, 0.2], false),
  'smith_agent broken': steps('broken', [0.1], false),
  'smith_agent slow': steps('slow', [20], false),
  'clerk_agent notes': steps('clerk', [0.1, 0.3], true),
  'scribe_agent notes': steps('scribe', [0.1, 0.3], true),
  'keeper_agent hold': steps('keeper', [8], false),
} as const;

export const AGENTS = ['scout_agent', 'smith_agent', 'clerk_agent', 'scribe_agent', 'keeper_agent'] as const;
/** The agents that every worker serves; keeper_agent is for faults that need a separate worker. */
export const COMMON_AGENTS = AGENTS.filter((agent) => agent !== 'keeper_agent');

/** One write of one line: the kernel appends it as a whole. The number tells two runs of one command apart. */
export function ledgerCommand({ mark, seconds }: MarkedStep): string {
  return `mark=${mark}; echo "$mark $(cat /proc/sys/kernel/random/uuid)" >> ${LEDGER} && sleep ${seconds}`;
}

/** The mark that a command writes; null when it writes none. */
export function markIn(command: string): string | null {
  return /(?:^|\n)mark=([a-z]+\/\d+);/.exec(command)?.[1] ?? null;
}

const unlessDone = ({ mark }: MarkedStep): string => `grep -q "^${mark} " ${LEDGER}`;

function playbook(name: string, marked: readonly MarkedStep[], more: readonly string[] = []): string {
  const lines = marked.map(
    (step) =>
      `      - { name: "${step.mark}", command: ${JSON.stringify(ledgerCommand(step))}` +
      `${step.repeatable ? `, unless: ${JSON.stringify(unlessDone(step))}` : ''} }`,
  );
  const checks = marked.map(
    (step) => `      - { name: "${step.mark} is in the ledger", command: ${JSON.stringify(unlessDone(step))} }`,
  );
  return [`  ${name}:`, '    steps:', ...lines, ...more, `    changes: [${LEDGER}]`, '    acceptance:', ...checks].join(
    '\n',
  );
}

function agentFile(
  name: string,
  playbooks: readonly string[],
  { models = null, timeoutSeconds = 60 }: { readonly models?: string | null; readonly timeoutSeconds?: number } = {},
): string {
  return `---
name: ${name}
description: Writes lines into a ledger.
phase: 1
depends_on: []
tools: [execute_terminal_command, workspace_write]${models === null ? '' : `\nmodels: [${models}]`}
concurrency: 2
timeout_seconds: ${timeoutSeconds}
max_steps: 20${playbooks.length === 0 ? '' : `\nplaybooks:\n${playbooks.join('\n')}`}
---
You write a ledger.
`;
}

/** Writes the agents' files; resolves with their directory. */
export async function writeAgents(site: Site): Promise<string> {
  const dir = await directory(site.dir, 'agents');
  const files: Record<(typeof AGENTS)[number], string> = {
    scout_agent: agentFile('scout_agent', [
      playbook('notes', STEPS['scout_agent notes']),
      playbook('long', STEPS['scout_agent long']),
    ]),
    smith_agent: agentFile('smith_agent', [
      playbook('work', STEPS['smith_agent work']),
      playbook('broken', STEPS['smith_agent broken'], ['      - { name: fails, command: exit 7 }']),
      playbook('slow', STEPS['smith_agent slow']),
    ]),
    clerk_agent: agentFile('clerk_agent', [playbook('notes', STEPS['clerk_agent notes'])], {
      models: `"ollama:${MODEL}", playbook`,
    }),
    scribe_agent: agentFile('scribe_agent', [], { models: `"ollama:${MODEL}"`, timeoutSeconds: 30 }),
    keeper_agent: agentFile('keeper_agent', [playbook('hold', STEPS['keeper_agent hold'])], { timeoutSeconds: 20 }),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, `${name}.md`), text);
  return dir;
}

/** What a mission is for. Its name begins with it, so that it is known from the log alone. */
export type MissionKind = 'steady' | 'model' | 'failing' | 'cancelled' | 'oversized' | 'hold' | 'long' | 'timed';

interface KindInfo {
  /** Waves of tasks: agent and playbook, or agent alone for a model. */
  readonly waves: readonly (readonly (keyof typeof STEPS)[])[];
  /** How it may end. A mission under faults may always fail, saying why, unless it says otherwise. */
  readonly ends: readonly ('completed' | 'failed' | 'cancelled')[];
  readonly retries: number;
  /** Of each task; the agent's own when not given. */
  readonly timeoutSeconds?: number;
}

export const KINDS: Readonly<Record<MissionKind, KindInfo>> = {
  steady: {
    waves: [['scout_agent notes', 'smith_agent work'], ['clerk_agent notes']],
    ends: ['completed', 'failed'],
    retries: 3,
  },
  model: { waves: [['scribe_agent notes']], ends: ['completed', 'failed'], retries: 3 },
  failing: { waves: [['scout_agent notes'], ['smith_agent broken']], ends: ['failed'], retries: 1 },
  // A cancel that comes too late changes nothing.
  cancelled: { waves: [['smith_agent slow']], ends: ['cancelled', 'failed', 'completed'], retries: 1 },
  oversized: { waves: [['scribe_agent notes', 'scout_agent notes']], ends: ['failed'], retries: 0 },
  long: { waves: [['scout_agent long']], ends: ['completed', 'failed', 'cancelled'], retries: 1 },
  timed: { waves: [['smith_agent slow']], ends: ['failed'], retries: 0, timeoutSeconds: 3 },
  hold: { waves: [['keeper_agent hold']], ends: ['completed', 'failed'], retries: 2 },
};

const KIND_NAMES: readonly MissionKind[] = [
  'steady',
  'model',
  'failing',
  'cancelled',
  'oversized',
  'hold',
  'long',
  'timed',
];

export function kindOf(missionName: string): MissionKind | null {
  const name = missionName.split('-')[0] ?? '';
  return KIND_NAMES.find((kind) => kind === name) ?? null;
}

/** Steps whose lines a completed mission of this kind must have. */
export function stepsOf(kind: MissionKind): readonly MarkedStep[] {
  return KINDS[kind].waves.flat().flatMap((place) => [...STEPS[place]]);
}

export const OVERSIZED = 'OVERSIZED';

export function missionFile(kind: MissionKind, name: string): string {
  const { waves, retries, timeoutSeconds } = KINDS[kind];
  const task = (place: string) => {
    const [agent = '', book = ''] = place.split(' ');
    const scripted = agent !== 'scribe_agent';
    const checks = STEPS['scribe_agent notes'].map(
      (step) => `{ name: "${step.mark}", command: ${JSON.stringify(unlessDone(step))} }`,
    );
    return (
      `        - { agent: ${agent}, description: "Write the ledger.` +
      `${kind === 'oversized' && !scripted ? ` ${OVERSIZED}` : ''}"` +
      `${scripted ? `, playbook: ${book}` : `, changes: [${LEDGER}], acceptance: [${checks.join(', ')}]`}` +
      `${timeoutSeconds === undefined ? '' : `, timeout_seconds: ${timeoutSeconds}`} }`
    );
  };
  return [
    `name: ${name}`,
    'brief: Write the ledger.',
    `retries: ${retries}`,
    `agents: [${[...new Set(waves.flat().map((place) => place.split(' ')[0]))].join(', ')}]`,
    'plan:',
    '  waves:',
    ...waves.flatMap((wave) => ['    - tasks:', ...wave.map(task)]),
    'success:',
    ...stepsOf(kind).map(
      (step) => `  - { name: "${step.mark} is in the ledger", command: ${JSON.stringify(unlessDone(step))} }`,
    ),
    '',
  ].join('\n');
}
