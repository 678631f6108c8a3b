/** Models and planners that cost something, and are slow, fail, hang or answer nonsense. */
import type { Planner, PlannerAnswer, PlanRequest } from '../../src/agent/planner-contract.js';
import type { ChatModel, ChatReply, ChatRequest, TokenCost, TurnContext } from '../../src/ports/model.js';
import type { Faults } from './faults.js';
import type { SimProcess } from './sim-process.js';
import { COMMAND, READ } from './sim-tools.js';
import type { System } from './system.js';
import type { World } from './world.js';

/** What the world knows of what was really spent, and of what models were really told. */
export interface ModelWitness {
  onSpent(missionId: string, cost: TokenCost): void;
  onTold(process: SimProcess, turn: TurnContext): void;
  onAsked(model: string, chain: readonly string[], turn: TurnContext): void;
}

export interface SimModelOptions {
  readonly name: string;
  readonly world: World;
  readonly faults: Faults;
  readonly system: System;
  readonly process: SimProcess;
  readonly witness: ModelWitness;
  /** Names of the agent's models. */
  readonly chain: readonly string[];
}

const WORST: TokenCost = { tokens: 1000, usd: 0.01 };
/** Steps that ended well before it says that it is done. */
const ENOUGH_STEPS = 2;

export function createSimModel(options: SimModelOptions): ChatModel {
  const { name, world, faults, system, process, witness } = options;
  const { random } = world;
  return {
    name,
    probe: async () => ({ usable: true }),
    worstCase: () => WORST,
    async chat(request: ChatRequest, signal: AbortSignal): Promise<ChatReply> {
      signal.throwIfAborted();
      const { turn } = request;
      if (turn === null) throw new system.ModelError('gave_up', 'it plans nothing');
      witness.onTold(process, turn);
      witness.onAsked(name, options.chain, turn);
      const tokens = random.between(100, WORST.tokens);
      const used = { tokens, usd: (tokens / WORST.tokens) * WORST.usd };
      // The caller pays, even if it never receives the answer.
      witness.onSpent(turn.task.mission_id, used);
      await thinkingTime(options, signal);
      if (faults.on('models') && random.chance(0.1))
        throw new system.ModelError(
          random.pick(['unreachable', 'timeout', 'invalid', 'refused'] as const),
          `${name} failed`,
          { used },
        );
      return {
        text: faults.on('models') && random.chance(0.1) ? nonsense(world) : replyOf(world, turn),
        tokensIn: tokens - 50,
        tokensOut: 50,
        costUsd: used.usd,
        promptTruncated: false,
      };
    },
  };

  function thinkingTime(_: SimModelOptions, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const hangs = faults.on('models') && random.chance(0.02);
      if (!hangs)
        process.later(
          faults.on('models') ? random.delayMs(random.pick([100, 1000, 5000])) : random.delayMs(100),
          resolve,
        );
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }
}

function nonsense({ random }: World): string {
  return random.pick([
    'I think so.',
    '{"thought": 1}',
    '{"thought":"t","tool":"rm","arguments":{}}',
    '{"thought":"t","finish":{}}',
    '[]',
    '',
  ]);
}

/** Continues until enough steps succeeded; after a step that may have run it checks first, or knowingly repeats it. */
function replyOf({ random }: World, { task, steps }: TurnContext): string {
  const say = (tool: string, args: object) =>
    JSON.stringify({ thought: `step ${steps.length + 1}`, tool, arguments: args });
  const last = steps.at(-1);
  const done = steps.filter((step) => step.outcome === 'ok' && step.tool === COMMAND).length;
  if (last?.outcome === 'unknown' && last.tool === COMMAND)
    return random.chance(0.5)
      ? say(READ, { path: `look ${steps.length}` })
      : say(COMMAND, { command: last.arguments['command'] });
  if (done >= ENOUGH_STEPS)
    return JSON.stringify({
      thought: 'done',
      finish: { summary: `${task.task_id} done`, outputs: { steps: String(steps.length) } },
    });
  return random.chance(0.2)
    ? say(READ, { path: `file ${steps.length}` })
    : say(COMMAND, { command: `${task.task_id} command ${done + 1}` });
}

const PLANNING: TokenCost = { tokens: 500, usd: 0.005 };

/** A planner's model: one agent a wave, in the order of the prompt. Now and then it cannot be reached. */
export function createSimPlanningModel({ faults, system }: Pick<SimModelOptions, 'faults' | 'system'>): ChatModel {
  let calls = 0;
  return {
    name: 'sim:planner',
    probe: async () => ({ usable: true }),
    worstCase: () => ({ tokens: 0, usd: 0 }),
    async chat({ messages }) {
      calls += 1;
      // By number, not by chance: one draw more and every recorded seed is another run.
      if (faults.on('planner') && calls % 3 !== 0) throw new system.ModelError('unreachable', 'connection refused');
      const prompt = messages.map(({ content }) => content).join('\n');
      const agents = [...prompt.matchAll(/^- (\w+) \(depends on/gm)].map(([, name = '']) => name);
      const waves = agents.map((agent, index) => ({
        wave_number: index + 1,
        rationale: 'in turn',
        tasks: [{ agent, description: `${agent} does its work`, playbook: 'work', acceptance: [] }],
      }));
      const text = JSON.stringify({ strategy: 'one by one', waves, risks: [], success_criteria: [] });
      return { text, tokensIn: 0, tokensOut: 0, costUsd: 0, promptTruncated: false };
    },
  };
}

/** The real planner, behind a call that takes time, costs something and may fail. */
export function createSimPlanner(
  real: Planner,
  { world, faults, system, process, witness }: Omit<SimModelOptions, 'name' | 'chain'>,
): Planner {
  const { random } = world;
  async function propose(request: PlanRequest, signal: AbortSignal): Promise<PlannerAnswer> {
    const available = request.available ?? { tokens: null, usd: null };
    const affordable = (available.tokens ?? Infinity) >= PLANNING.tokens && (available.usd ?? Infinity) >= PLANNING.usd;
    const tokens = affordable ? random.between(100, PLANNING.tokens) : 0;
    const cost = { tokens, usd: (tokens / PLANNING.tokens) * PLANNING.usd };
    witness.onSpent(request.mission.mission_id, cost);
    await new Promise<void>((resolve, reject) => {
      process.later(
        faults.on('planner') ? random.delayMs(random.pick([100, 3000, 20_000])) : random.delayMs(50),
        resolve,
      );
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    const used = { tokensIn: tokens, tokensOut: 0, costUsd: cost.usd };
    if (faults.on('planner') && random.chance(0.1)) throw new system.PlanningFailed('no planner answered', used);
    try {
      return { ...(await real.propose(request, signal)), ...used };
    } catch (error) {
      // The failure to find a plan is reported with what was spent on it.
      throw error instanceof system.PlanningFailed ? new system.PlanningFailed(error.message, used, error.code) : error;
    }
  }
  return { pricedModel: real.pricedModel, worstCase: () => PLANNING, propose };
}
