import { timersOf } from './support/mission-log.js';
import { lostAttempts } from '../../src/domain/lost-attempts.js';
import { accepted, CERT, completed, ID, planOf, retryRequested, started, underWay } from './support/mission-log.js';

const open = () => underWay({ plan: planOf([['cert_agent']]) });
const place = { agent: 'cert_agent', partition: 2 };
const gone = { ...place, hasAssignment: () => false };
const attempt = { mission_id: ID, task_id: CERT, attempt: 1 };

describe('attempts of a partition that has lost its records', () => {
  test.each([
    ['assigned', []],
    ['accepted', [accepted(CERT)]],
    ['running', [accepted(CERT), started(CERT)]],
  ])('are found when they are %s', (status, events) => {
    const log = open();
    for (const event of events) log.when(event);
    expect(log.task(CERT).status).toBe(status);
    expect(lostAttempts([log.mission()], gone)).toEqual([attempt]);
  });

  test('would be waited for without end when they were accepted and not started: no timer runs', () => {
    const log = open();
    log.when(accepted(CERT));
    expect(timersOf(log.mission())).toEqual([]);
    expect(lostAttempts([log.mission()], gone)).toEqual([attempt]);
    expect(log.when(retryRequested(CERT, 1))).toBe('applied');
    expect(log.decides()).not.toEqual([]);
  });

  test('are not those of another partition or agent, those whose assignment is left, and those that have ended', () => {
    const log = open();
    const missions = [log.mission()];
    expect(lostAttempts(missions, { ...gone, partition: 1 })).toEqual([]);
    expect(lostAttempts(missions, { ...gone, agent: 'env_agent' })).toEqual([]);
    expect(
      lostAttempts(missions, { ...place, hasAssignment: (named) => named.task_id === CERT && named.attempt === 1 }),
    ).toEqual([]);
    log.when(completed(CERT));
    expect(lostAttempts([log.mission()], gone)).toEqual([]);
  });
});
