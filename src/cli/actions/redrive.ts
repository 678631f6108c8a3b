import type { DeadLetter } from '../../client/dead-letter.js';
import type { RedriveOutcome } from '../../client/redrive.js';
import { wrongUse } from '../cli-error.js';
import { withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { asLetterHandler } from '../operators-setting.js';
import { sayIfNoOrchestrator } from '../orchestrator-notice.js';

export interface RedriveFlags {
  readonly ids: readonly string[];
  readonly all: boolean;
  readonly yes: boolean;
  readonly asIs: boolean;
  readonly takeOver: boolean;
}

/** Writes letters back where they belong, one after the other. Exit 2 when one of them could not be. */
export async function redriveLetters(
  given: CommandContext,
  { ids, all, yes, asIs, takeOver }: RedriveFlags,
): Promise<ExitCode> {
  const context = await asLetterHandler(given);
  return withClient(context, async (session) => {
    const { deadLetters } = session.client;
    const chosen = all ? await confirmed(context, waiting(await deadLetters.list(), takeOver), yes) : ids;
    // What another operator takes after --all was confirmed is left to them.
    const outcomes =
      chosen.length === 0
        ? []
        : await deadLetters.redrive(chosen, {
            asIs,
            takeOver,
            leaveHandled: all,
            onOutcome: (outcome) => tell(context, outcome),
          });
    if (context.json) context.print(outcomes.map(outcomeDocument));
    if (outcomes.some(({ outcome }) => outcome === 'new_attempt')) await sayIfNoOrchestrator(context, session);
    return outcomes.some(({ outcome }) => outcome === 'refused') ? EXIT.usage : EXIT.done;
  });
}

function waiting(letters: readonly DeadLetter[], takeOver: boolean): readonly string[] {
  return letters.filter(({ state }) => state === 'waiting' || takeOver).map(({ id }) => id);
}

/** Throws CliError (exit 2) when the person does not confirm. */
async function confirmed(
  { host, say }: CommandContext,
  ids: readonly string[],
  yes: boolean,
): Promise<readonly string[]> {
  if (ids.length === 0) say('no dead letter waits');
  if (ids.length === 0 || yes) return ids;
  if (host.ask === null)
    throw wrongUse('redrive --all asks before it begins, and there is no terminal to ask at', 'Add --yes.');
  const reply = await host.ask(`Redrive ${ids.length} dead letter${ids.length === 1 ? '' : 's'}? [y/N] `);
  if (!/^y(es)?$/i.test(reply.trim())) throw wrongUse('nothing was redriven', null);
  return ids;
}

/** A letter that another operator has taken is no failure of --all. */
function tell({ json, host, say }: CommandContext, outcome: RedriveOutcome): void {
  switch (outcome.outcome) {
    case 'refused':
      host.stderr.write(
        `dead letter ${outcome.id} is not redriven: ${outcome.why}\n${outcome.nextStep
          .split('\n')
          .map((line) => `  ${line}\n`)
          .join('')}`,
      );
      return;
    case 'left':
      if (!json) say(`left: ${outcome.id} ${outcome.why}`);
      return;
    case 'record':
    case 'new_attempt': {
      const { topic, partition, offset } = outcome.written;
      if (!json) say(`redriven: ${outcome.id} to ${topic}[${partition}]@${offset}; to be expected: ${outcome.expect}`);
    }
  }
}

/** An outcome as --json prints it. */
function outcomeDocument(outcome: RedriveOutcome) {
  return outcome.outcome === 'refused' || outcome.outcome === 'left'
    ? { id: outcome.id, outcome: outcome.outcome, written: null, expect: outcome.why }
    : { id: outcome.id, outcome: outcome.outcome, written: outcome.written, expect: outcome.expect };
}
