/** What the swarm promises; each is looked at after every step of a run, or at its end. */
const INVARIANTS = {
  'final-result': 'every accepted task reaches one final result, and every mission ends',
  'result-delivered': "a task's final result reaches its mission",
  'result-is-the-journals': 'a mission receives the result in the journal',
  'read-back-first': 'no tool starts unless its call was read back under the holder',
  'starts-once': 'no call record starts twice',
  'no-start-after-outcome': 'a step whose outcome is in the log never starts',
  'first-outcome': 'what a model is shown of a step is the first outcome in the log',
  'no-start-after-end': 'no tool starts after the attempt has its final result',
  'no-start-after-fence': 'no tool starts under a claim after a later claim has the fence',
  'baseline-first': "the baseline in an attempt's first step was taken before any tool of the task started",
  'baseline-once': 'no baseline is taken when the first step of its attempt was read',
  'verified-is-proven': 'a task is verified only with a check that could have failed',
  'approved-first': 'a call that the policy asks about starts only after a person has approved exactly it, in time',
  'approved-once': 'an approval lets one call start',
  'taint-is-known': 'a call of a task that has read content of strangers says so, and no other one does',
  'pause-stops-time': 'no deadline ends an attempt while a call of it waits for a person, or its mission is paused',
  'pause-keeps-time': 'a call that waited has no more time than its task had left when it was proposed',
  'waits-are-whole': "a task's wait is over only when its time has passed, without the time while it was frozen",
  'paused-begins-nothing': 'no wave, no attempt, no plan and no step of a paused mission begins',
  'signed-only': "with operators, nothing counts that is asked without an operator's signature",
  'four-eyes': 'with four eyes, who has requested a mission approves neither its plan nor a call of it',
  'snapshot-first': 'no tool of a task that wants snapshots starts before one was taken',
  'requirements-kept': 'each task requires what its mission requires of workers',
  'attempts-in-order': 'no tool of an attempt starts after one of a later attempt',
  'begins-behind':
    'the attempt after one that a model used up carries its name, and begins behind it while another can do the task',
  'keeps-revision':
    "an attempt runs with the agent's revision that it was assigned with; a worker without it fails the attempt, for " +
    'a retry',
  'known-agents': 'only a holder that has the agent assigns a task, and none fails a mission for want of one',
  'set-apart': 'a partition whose replay point cannot be trusted is not read, and is named',
  'told-of-doubt': 'a non-idempotent call in doubt is never repeated before the model was informed',
  'decided-once': 'the holder assigns each attempt once',
  'decision-carried-out': 'every assignment and every cancel that was decided reaches its partition',
  'taken-once': 'an attempt is taken in one place, once, and by a decision that counts',
  'ends-after-attempts': 'a mission ends only when none of its attempts is open',
  'replay-point': 'committed offsets never pass what replay needs',
  'replay-state': 'the fold from a committed offset is the fold from the beginning',
  'skipped-is-kept': 'a record that the fold skips has a dead letter before the replay point passes it',
  'trace-is-whole': 'each span of what the log has is sent, whatever processes die, and so is its parent',
  'deleted-is-done': 'no record is deleted that a replay would read',
  'one-mission':
    'a mission does not begin in a workspace that another one uses, or may have used since it was asked for',
  'fence-first': 'nothing is assigned before what cancelled attempts may have left running is ended',
  'fence-is-known': 'a result that says that its worker has the fence comes when no earlier command of the task runs',
  'one-partition': 'all attempts of a task are in one partition, also in the missions that continue its own',
  'one-wave': 'no command starts in a workspace beside one of an earlier wave or mission, or after one of a later one',
  'wave-order': 'the next wave never starts over a failure',
  'plan-has-a-reader':
    'what runs comes from a plan or a model that read the brief, unless the mission asks for the order',
  budget: 'budgets are never exceeded',
  'cap-is-kept': 'a holder that has read that the daily cap is reached begins nothing that costs',
  'budget-said': 'a share of a limit is said to be used when it is, once, and before the mission ends',
  'report-is-the-fold': 'the report equals the fold of the log from offset 0, and the first result wins',
  'folds-equal': 'two folds of the same log are equal',
  converges: 'when nothing goes wrong any more, everything comes to its end',
  'no-unhandled-rejection': 'no rejection is left unhandled',
  'no-broken-role': 'no role fails but for what the log did to it',
} as const;

export type Invariant = keyof typeof INVARIANTS;

/** The run has broken a promise. */
export class Violation extends Error {
  constructor(
    readonly invariant: Invariant,
    readonly detail: string,
  ) {
    super(`${invariant}: ${detail}`);
    this.name = 'Violation';
  }
}
