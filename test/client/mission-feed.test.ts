/** Following a mission costs as much for each event, however many tasks it has. */
import { jest } from '@jest/globals';
import { createMissionFeed, type MissionFeed } from '../../src/client/mission-feed.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

describe('a mission that is followed', () => {
  let swarm: RoleSwarm;
  let feed: MissionFeed;
  beforeEach(async () => {
    swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')] });
    feed = await createMissionFeed({ log: swarm.log, topic: swarm.topics.coordination });
  });
  afterEach(async () => {
    await feed.stop();
    await swarm.close();
  });

  const run = async () => {
    await swarm.startOrchestrator();
    await swarm.startWorker();
    return swarm.submit();
  };

  test('makes one report, at its end, for one who waits for that', async () => {
    const reports = jest.spyOn(feed.view, 'report');
    const id = await run();
    const report = await feed.ended(id, new AbortController().signal);
    expect(report).toMatchObject({ mission_id: id, status: 'completed', tasks: [{ status: 'verified' }] });
    expect(reports).toHaveBeenCalledTimes(1);
  });

  test('makes the report of an event only where the listener reads it, as it is then', async () => {
    const reports = jest.spyOn(feed.view, 'report');
    const id = await run();
    const seen: string[] = [];
    feed.onMission(id, ({ event_type }, report) => {
      if (event_type === 'mission_requested' || event_type === 'mission_completed')
        seen.push(`${event_type} ${report.status} ${JSON.parse(JSON.stringify(report)).mission_id}`);
    });
    const ended = await feed.ended(id, new AbortController().signal);
    expect(seen).toEqual([`mission_requested planning ${id}`, `mission_completed completed ${id}`]);
    expect(reports).toHaveBeenCalledTimes(seen.length + 1);
    expect(ended.status).toBe('completed');
  });

  test('ends waiting at once where it has ended before', async () => {
    const id = await run();
    await swarm.ended(id);
    await swarm.until(() => feed.view.report(id)?.status === 'completed');
    expect((await feed.ended(id, new AbortController().signal)).status).toBe('completed');
  });
});
