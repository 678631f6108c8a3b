import { planDigest } from '../../src/agent/plan-digest.js';
import { approve, reject, requireProposal } from '../../src/client/decisions.js';
import type { ClientContext } from '../../src/client/context.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createSystemIds } from '../../src/telemetry/system-clock.js';
import { systemClock } from '../contract/system-clock.js';
import { silentLogger } from '../kafka/kafka-under-test.js';
import { claimed, given, opened, proposed, rejected, requested, TWO_WAVES } from '../domain/support/mission-log.js';

const context: ClientContext = {
  clock: systemClock,
  ids: createSystemIds(),
  random: Math.random,
  logger: silentLogger,
  topics: createTopicNames('test'),
  signal: new AbortController().signal,
  requester: 'ann',
};

/** The second plan waits: the first one was rejected. */
function secondPlan() {
  const log = given(claimed(), opened(), requested({ approval: 'approval' }));
  log.settle();
  log.when(proposed(1, TWO_WAVES));
  log.when(rejected(1));
  log.settle();
  log.when(proposed(2, TWO_WAVES));
  return log.mission();
}

test('an answer about a plan carries its revision and digest', () => {
  const mission = secondPlan();
  const about = { revision: 2, plan_digest: planDigest(TWO_WAVES) };
  expect(approve()(context, mission).payload).toMatchObject(about);
  expect(approve(2)(context, mission).payload).toMatchObject(about);
  expect(reject('no', 2)(context, mission).payload).toMatchObject(about);
});

test('a plan that has replaced the one that a person has seen is not decided about', () => {
  const mission = secondPlan();
  const changed = { code: 'plan_changed', message: expect.stringMatching(/is revision 2, not 1$/) };
  expect(() => approve(1)(context, mission)).toThrow(expect.objectContaining(changed));
  expect(() => reject('no', 1)(context, mission)).toThrow(expect.objectContaining(changed));
  expect(() => requireProposal(mission, 3)).toThrow(expect.objectContaining({ code: 'plan_changed' }));
});
