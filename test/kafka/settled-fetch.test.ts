import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js';
import { letSettledFetchesWait, SETTLED_AFTER_FETCHES, SETTLED_WAIT_MS } from '../../src/kafka/settled-fetch.js';

/** kafkajs's own member of a group, of which only the fetch is asked. */
const asked: number[] = [];
ConsumerGroup.prototype.fetch = async function (this: ConsumerGroup) {
  asked.push(this.maxWaitTime);
  return [];
};
letSettledFetchesWait();

function createMember() {
  const member: ConsumerGroup & { generationId: number } = Object.assign(Object.create(ConsumerGroup.prototype), { maxWaitTime: 200, generationId: 1 });
  return member;
}

async function waitsOf(member: ConsumerGroup, fetches: number): Promise<readonly number[]> {
  asked.length = 0;
  for (let i = 0; i < fetches; i++) await member.fetch('1');
  return [...asked];
}

describe('the fetches of a group member', () => {
  test('wait longer once it has settled', async () => {
    const waits = await waitsOf(createMember(), SETTLED_AFTER_FETCHES + 2);
    expect(waits).toEqual([...Array.from({ length: SETTLED_AFTER_FETCHES }, () => 200), SETTLED_WAIT_MS, SETTLED_WAIT_MS]);
  });

  test('wait short again after a rebalance', async () => {
    const member = createMember();
    await waitsOf(member, SETTLED_AFTER_FETCHES + 1);
    member.generationId = 2;
    expect(await waitsOf(member, 1)).toEqual([200]);
  });

  test('are counted for each member', async () => {
    const [one, other] = [createMember(), createMember()];
    await waitsOf(one, SETTLED_AFTER_FETCHES);
    expect([...(await waitsOf(one, 1)), ...(await waitsOf(other, 1))]).toEqual([SETTLED_WAIT_MS, 200]);
  });
});
