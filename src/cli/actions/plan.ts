import { boundaryOf } from '../../agent/data-block.js';
import { createMissionId } from '../../domain/mission-id.js';
import { plannerOf } from '../../domain/mission-planning.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import type { InputFlags } from '../input-arguments.js';
import { requestEvent } from '../../client/submit.js';
import { openPlanner } from '../../swarm/models.js';
import { readMission, readRoster } from '../mission-source.js';
import { modelsHere, requireModels, warnOfTasks } from '../mission-models.js';
import { planText } from '../plan-text.js';
import { requireFits } from '../request-mission.js';

/** Shows what would be done: the file's own plan, or a planner's. Nothing is run, no broker is needed. */
export async function planMission(context: CommandContext, file: string, given: InputFlags): Promise<ExitCode> {
  const roster = await readRoster(context);
  const mission = await readMission(context, file, roster, given);
  await requireFits(context, mission, file);
  await requireModels(context, mission, roster, file);
  if (mission.plan !== null) return show(context, { planner: 'mission', model: '', refusals: [], plan: mission.plan });
  const models = await modelsHere(context);
  const missionId = createMissionId({ nowMs: context.host.clock.now(), partition: 0, random: context.host.random });
  const request = requestEvent(context.client, { mission, missionId, workspace: null, marker: '' });
  const answer = await openPlanner(() => roster, models, context.swarm.redact).propose(
    {
      mission: request.payload,
      revision: 1,
      reason: null,
      firstWave: 1,
      done: [],
      boundary: boundaryOf(request.event_id),
    },
    context.host.interruption,
  );
  warnOfTasks(context, answer.plan, roster, models);
  return show(context, answer);
}

interface ShownPlan {
  readonly planner: string;
  readonly model: string;
  readonly refusals: readonly string[];
  readonly plan: Parameters<typeof planText>[0];
}

function show(context: CommandContext, { planner, model, refusals, plan }: ShownPlan): ExitCode {
  if (context.json)
    context.print({ planner: planner === 'mission' ? 'the mission file' : planner, model, refusals, plan });
  else {
    for (const refusal of refusals) context.host.stderr.write(`skipped: ${refusal}\n`);
    const plannedBy = plannerOf({ planner, model });
    context.say(`planned by: ${plannedBy === 'mission' ? 'the mission file' : plannedBy}`);
    context.host.stdout.write(planText(plan, plannedBy));
  }
  return EXIT.done;
}
