/** A right of the swarm that is withdrawn and given back. */
import kafkajs, { type Admin } from 'kafkajs';
import { SWARM_PRINCIPAL } from '../cluster.js';
import { PromiseBroken, type Fault } from '../fault.js';
import { endOf, submitted } from './topics.js';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

const withdrawn: Fault = {
  name: 'right-withdrawn',
  what: 'the swarm may not write to the tasks topic of an agent any more, until the right is given back',
  recovery: 'processes that need the right end and name it, and their supervisor starts them again',
  takes: 'everything',
  turns: 4,
  async strike(world) {
    const { cluster, fleet, random, site, topics, workload } = world;
    const topic = topics.tasks(random.pick(['scout_agent', 'smith_agent']));
    const members = [...fleet.of('orchestrator'), ...fleet.of('worker')];
    const seen = new Map(members.map((member) => [member, member.log().length]));
    await cluster.admin((admin) => deny(admin, topic));
    try {
      await workload.submit('steady');
      await site.until(`a process that names the right to write to ${topic}`, 120_000, () =>
        members.some((member) => namesRight(member.log().slice(seen.get(member)), topic)) ? true : null,
      );
      await site.pause(random.between(2_000, 5_000));
    } finally {
      await cluster.admin((admin) => giveBack(admin, topic));
    }
    await Promise.all(members.map((member) => member.serving()));
    const status = await endOf(world, await submitted(world, 'steady'));
    if (status !== 'completed')
      throw new PromiseBroken(`the mission after the right was given back ended as ${status}`);
  },
};

const namesRight = (log: string, topic: string) =>
  log.split('\n').some((line) => /WRITE|not authorized/i.test(line) && line.includes(topic));

/** The rule that denies it. */
const denial = (topic: string) => ({
  resourceType: AclResourceTypes.TOPIC,
  resourceName: topic,
  resourcePatternType: ResourcePatternTypes.LITERAL,
  principal: SWARM_PRINCIPAL,
  host: '*',
  operation: AclOperationTypes.WRITE,
  permissionType: AclPermissionTypes.DENY,
});

const deny = (admin: Admin, topic: string) => admin.createAcls({ acl: [denial(topic)] });
const giveBack = (admin: Admin, topic: string) => admin.deleteAcls({ filters: [denial(topic)] });

export const RIGHT_FAULTS: readonly Fault[] = [withdrawn];
