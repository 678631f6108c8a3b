import { createClient, createSwarm, defineAgent, memoryLog, type Client, type Swarm } from '../../src/index.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { Log, Watch } from '../../src/ports/log.js';
import { statusRequest } from '../contract/events.js';
import { until } from '../contract/until.js';
import { readTopic } from '../support/read-topic.js';

const topics = createTopicNames();
const writer = defineAgent({ name: 'writer', description: 'Writes.', prompt: 'Write.' });

/** Appends an event where it does not belong; a role makes it a dead letter. */
async function misplace(log: Log, text: string, topic = topics.tasks('writer')): Promise<void> {
  const appender = log.createAppender('test');
  await appender.append({ topic, partition: 0, key: text, event: statusRequest(text) });
  await appender.close();
}

describe("a client's dead letters", () => {
  let log: Log;
  let swarm: Swarm;
  let client: Client;

  const waiting = async () => (await client.deadLetters.list()).map(({ id }) => id);
  /** The id of the one letter that waits. */
  const oneLetter = async (text: string): Promise<string> => {
    await misplace(log, text);
    await until('the letter', async () => (await waiting()).length === 1);
    return (await waiting())[0] ?? '';
  };
  const requestsIn = async (topic: string, text: string) =>
    (await readTopic(log, topic)).filter(
      ({ content }) =>
        content.kind === 'event' &&
        content.event.event_type === 'request_status' &&
        content.event.payload.request_id === text,
    );

  beforeEach(async () => {
    log = memoryLog();
    swarm = await createSwarm({ log, agents: [writer], tools: { sandbox: false } });
    client = createClient({ ...swarm, requester: 'ann@desk' });
  });
  afterEach(async () => {
    await client.close();
    await swarm.close();
  });

  test('are listed with where they came from and why, and shown in full', async () => {
    const id = await oneLetter('lost');
    expect(await client.deadLetters.list()).toEqual([
      expect.objectContaining({
        id,
        origin: expect.objectContaining({ topic: topics.tasks('writer'), partition: 0 }),
        event_type: 'request_status',
        state: 'waiting',
        handled: null,
      }),
    ]);
    expect(await client.deadLetters.get(id)).toMatchObject({
      id,
      key: 'lost',
      what_became_of_it: 'waits',
      event: { payload: { request_id: 'lost' } },
      headers: { dead_letter_origin_topic: topics.tasks('writer') },
    });
  });

  test('are redriven to where they belong, each reported as it is done', async () => {
    const id = await oneLetter('lost');
    const seen: string[] = [];
    const outcomes = await client.deadLetters.redrive([id, id], {
      onOutcome: ({ outcome }) => void seen.push(outcome),
    });
    expect(outcomes).toEqual([
      expect.objectContaining({ id, outcome: 'record', written: expect.objectContaining({ topic: topics.status }) }),
    ]);
    expect(seen).toEqual(['record']);
    expect(await requestsIn(topics.status, 'lost')).toHaveLength(1);
    expect(await client.deadLetters.list()).toEqual([]);
    expect(await client.deadLetters.list({ all: true })).toEqual([
      expect.objectContaining({ id, state: 'redriven', handled: expect.objectContaining({ by: 'ann@desk' }) }),
    ]);
  });

  test('that were handled are refused with who and when, or left on request', async () => {
    const id = await oneLetter('done');
    await client.deadLetters.discard([id], { reason: 'a test' });
    const refused = {
      code: 'letter_handled',
      message: expect.stringMatching(/was discarded by ann@desk at 20.*: a test/),
    };
    await expect(client.deadLetters.redrive([id])).rejects.toMatchObject(refused);
    await expect(client.deadLetters.discard([id], { reason: 'again' })).rejects.toMatchObject(refused);
    expect(await client.deadLetters.redrive([id], { leaveHandled: true })).toEqual([
      { id, outcome: 'left', why: expect.stringContaining('was discarded by ann@desk') },
    ]);
    expect(await requestsIn(topics.status, 'done')).toEqual([]);
  });

  test('are written once when two clients redrive them at once', async () => {
    const id = await oneLetter('both');
    const other = createClient({ ...swarm, requester: 'bob@desk' });
    const ends = await Promise.all(
      [client, other].map((each) => each.deadLetters.redrive([id], { leaveHandled: true })),
    );
    expect(
      ends
        .flat()
        .map(({ outcome }) => outcome)
        .sort(),
    ).toEqual(['left', 'record']);
    expect(await requestsIn(topics.status, 'both')).toHaveLength(1);
    await other.close();
  });

  test('are refused where their place is unknown, with the next step', async () => {
    const id = await oneLetter('first');
    await expect(client.deadLetters.get(`${id}7`)).rejects.toMatchObject({
      code: 'letter_unknown',
      nextStep: expect.stringContaining(id),
    });
    await misplace(log, 'foreign', topics.deadLetters);
    const foreign = (await client.deadLetters.list()).find(({ origin }) => origin === null)?.id ?? '';
    expect(await client.deadLetters.redrive([foreign])).toEqual([
      { id: foreign, outcome: 'refused', why: 'no header says where it came from', nextStep: expect.any(String) },
    ]);
    expect(await waiting()).toContain(foreign);
  });

  test('and processes leave no watch of the log open', async () => {
    const id = await oneLetter('watched');
    let open = 0;
    const counted = createClient({
      ...swarm,
      log: {
        ...log,
        async watch(options): Promise<Watch> {
          const watch = await log.watch(options);
          open++;
          return {
            stop: () => {
              open--;
              return watch.stop();
            },
          };
        },
      },
    });
    await counted.processes({ timeoutMs: 300 });
    await counted.deadLetters.list();
    await counted.deadLetters.discard([id], { reason: 'a test' });
    expect(open).toBe(0);
    await counted.reports();
    expect(open).toBe(1); // the one feed, which it keeps
    await counted.close();
    expect(open).toBe(0);
  });
});

test('a client whose topics are missing works as soon as they are there', async () => {
  const log = memoryLog();
  const client = createClient({ log, agents: [writer], workspaceRoot: '/tmp' });
  await expect(client.reports()).rejects.toMatchObject({ code: 'topic_missing' });
  await expect(client.deadLetters.list()).rejects.toMatchObject({ code: 'topic_missing' });
  const swarm = await createSwarm({ log, agents: [writer], tools: { sandbox: false } });
  expect(await client.reports()).toEqual([]);
  expect(await client.deadLetters.list()).toEqual([]);
  await client.close();
  await swarm.close();
});

test("a client's signal ends what it waits for", async () => {
  const ending = new AbortController();
  const log = memoryLog();
  const swarm = await createSwarm({ log, agents: [writer], tools: { sandbox: false } });
  const never = new Promise<never>(() => undefined);
  const client = createClient({ ...swarm, log: { ...log, watch: () => never }, signal: ending.signal });
  const asked = [client.reports(), client.deadLetters.list(), client.cancel('nothing', 'a test')];
  ending.abort(new Error('enough'));
  expect(await Promise.allSettled(asked)).toEqual(
    asked.map(() => expect.objectContaining({ status: 'rejected', reason: new Error('enough') })),
  );
  await client.close();
  await swarm.close();
});
