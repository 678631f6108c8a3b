import { createDeferred } from '../../src/domain/deferred.js';
import { createSwarm, defineAgent, memoryLog, type Log } from '../../src/index.js';

/** Its groups accept a member late. */
function createSlowLog() {
  const memory = memoryLog();
  const joining = createDeferred<void>();
  const accepted = createDeferred<void>();
  const members: { joined: string[]; left: string[] } = { joined: [], left: [] };
  const log: Log = {
    ...memory,
    async joinGroup(options) {
      joining.resolve();
      await accepted.promise;
      const member = await memory.joinGroup(options);
      members.joined.push(options.groupId);
      return { ...member, leave: async () => (members.left.push(options.groupId), member.leave()) };
    },
  };
  return { log, joining, accepted, members };
}

test('a swarm whose start is aborted leaves the groups that it was joining', async () => {
  const { log, joining, accepted, members } = createSlowLog();
  const agents = [defineAgent({ name: 'first', description: 'Writes.', prompt: 'Write.' })];
  const enough = new AbortController();
  const starting = createSwarm({ log, agents, roles: ['worker'], tools: { sandbox: false }, signal: enough.signal });
  await joining.promise;
  enough.abort(new Error('enough'));
  accepted.resolve();
  await expect(starting).rejects.toThrow('enough');
  expect(members.joined).toHaveLength(1);
  expect(members.left).toEqual(members.joined);
  await log.close();
});
