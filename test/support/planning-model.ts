import { ModelError, type ChatModel } from '../../src/ports/model.js';

/** A planner's model that always gives the plan of these waves of agents, whose playbook is `work`. */
export function planningModel(name: string, waves: readonly (readonly string[])[]): ChatModel {
  const plan = {
    strategy: 'as the brief asks',
    waves: waves.map((agents, index) => ({
      wave_number: index + 1,
      rationale: 'r',
      tasks: agents.map((agent) => ({ agent, description: `${agent} works`, playbook: 'work', acceptance: [] })),
    })),
    risks: [],
    success_criteria: [],
  };
  return free(name, async () => ({
    text: JSON.stringify(plan),
    tokensIn: 0,
    tokensOut: 0,
    costUsd: 0,
    promptTruncated: false,
  }));
}

/** A model that cannot be reached for so many calls, then the other one. calls(): how often it was asked. */
export function unreachableAtFirst(model: ChatModel, failures: number): ChatModel & { calls(): number } {
  let calls = 0;
  return {
    ...free(model.name, async (request, signal) => {
      calls += 1;
      if (calls <= failures) throw new ModelError('unreachable', `${model.name}: connection refused`);
      return model.chat(request, signal);
    }),
    calls: () => calls,
  };
}

function free(name: string, chat: ChatModel['chat']): ChatModel {
  return { name, probe: async () => ({ usable: true }), worstCase: () => ({ tokens: 0, usd: 0 }), chat };
}
