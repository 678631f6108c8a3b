/** Connections between the swarm and the brokers that break, are slow, or fail at the worst moment. */
import { EXIT } from '../../../src/cli/exit-codes.js';
import { PromiseBroken, type Fault } from '../fault.js';
import { OFFSET_FETCH } from '../proxy.js';

const cut: Fault = {
  name: 'connections-cut',
  what: 'every connection to the brokers breaks, again and again',
  recovery: 'clients reconnect',
  takes: 'network',
  async strike({ cluster, site, random }) {
    for (let times = random.between(3, 6); times > 0; times -= 1) {
      for (const { proxy } of cluster.brokers) proxy.cut();
      await site.pause(random.between(200, 3_000));
    }
  },
};

const refused: Fault = {
  name: 'connections-refused',
  what: 'one leading broker is unreachable for clients',
  recovery: 'it can be reached again',
  takes: 'network',
  async strike({ cluster, site, random }) {
    const { proxy } = random.pick(cluster.brokers);
    proxy.refuse(true);
    proxy.cut();
    try {
      await site.pause(random.between(3_000, 9_000));
    } finally {
      proxy.refuse(false);
    }
  },
};

const delayed: Fault = {
  name: 'connections-delayed',
  what: 'everything between the swarm and the brokers takes 0.3 to 1 s longer, each way',
  recovery: 'the network is fast again',
  takes: 'network',
  async strike({ cluster, site, random }) {
    for (const { proxy } of cluster.brokers) proxy.delay(random.between(300, 1_000));
    try {
      await site.pause(8_000);
    } finally {
      for (const { proxy } of cluster.brokers) proxy.delay(0);
    }
  },
};

const fetchOffsets: Fault = {
  name: 'fetch-offsets-fails',
  what: 'fetching committed offsets fails once while a member joins the group',
  recovery: 'the request is retried',
  takes: 'workers',
  async strike({ cluster, fleet, site, random }) {
    const member = random.pick(fleet.of('worker'));
    await member.end();
    const before = member.unasked.length;
    let sprung = false;
    for (const { proxy } of cluster.brokers) void proxy.breakNext(OFFSET_FETCH).then(() => (sprung = true));
    member.begin();
    try {
      await site.until('a question for committed offsets', 60_000, () => (sprung ? true : null));
      await member.serving();
    } finally {
      for (const { proxy } of cluster.brokers) proxy.spare();
    }
    // A fault beside this one may have kept it from the brokers or the registry when it began.
    const ends = member.unasked.slice(before).filter((code) => code !== EXIT.unreachable);
    if (ends.length > 0)
      throw new PromiseBroken(
        `${member.name} ended with ${ends.join(', ')} because a question for committed offsets failed`,
      );
  },
};

export const NETWORK_FAULTS: readonly Fault[] = [cut, refused, delayed, fetchOffsets];
