import { resolve } from 'node:path';
import { chooseJava } from '../../src/local/choose-stack.js';
import { createLocalStack } from '../../src/local/local-stack.js';
import { signalProcess } from '../../src/local/os-process.js';
import { developmentPlace } from '../../src/local/stack-place.js';
import { temporaryPlace, world } from '../local/stack-fixture.js';
import { createQuickSwarm, faultsOf } from '../support/quick-mission.js';
import { supervise } from '../support/supervise.js';

const choice = await chooseJava(developmentPlace(resolve('.')), world.env, 'this test kills its own broker');
const hasBroker = process.env['RAVENHELM_TEST_BROKERS'] !== undefined;
const describeWithJava = (name: string, body: () => void) =>
  choice.kind === 'java' && hasBroker ? describe(name, body) : describe.skip(`${name} [no Java, or no broker]`, body);

describeWithJava('a broker that is killed and comes back', () => {
  test('leaves nothing unhandled in the roles, and the swarm continues', async () => {
    const place = await temporaryPlace();
    const stack = createLocalStack(place, world);
    const { brokers, registryUrl } = await stack.up({ progress: () => undefined });
    const swarm = await createQuickSwarm({ KAFKA_BROKERS: brokers.join(','), SCHEMA_REGISTRY_URL: registryUrl });
    const roles = [supervise(swarm, '--role', 'orchestrator'), supervise(swarm, '--role', 'worker')];
    expect(await swarm.run('submit', 'mission.yaml', '--wait')).toMatchObject({ code: 0 });

    const { services } = await stack.status();
    const pid = services.find(({ name }) => name === 'broker')?.pid;
    if (pid === undefined || pid === null) throw new Error('the broker has no process');
    signalProcess(pid, 'SIGKILL');
    // No broker is there: a client learns it at once, and the roles find it out repeatedly.
    expect(await swarm.run('submit', 'mission.yaml')).toMatchObject({ code: 3 });
    await stack.up({ progress: () => undefined });
    expect(await swarm.run('submit', 'mission.yaml', '--wait')).toMatchObject({ code: 0 });
    expect(await Promise.all(roles.map((role) => role.stop()))).toEqual([0, 0]);
    expect(faultsOf(roles)).toEqual([]);
    expect(swarm.unhandled()).toBe('');
    await swarm.close();
    await stack.down();
    await place.remove();
  }, 400_000);
});
