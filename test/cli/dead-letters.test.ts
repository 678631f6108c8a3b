import { randomUUID } from 'node:crypto';
import { headerText, parseLetterHeaders } from '../../src/domain/dead-letter.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import type { AnyRecord, PartitionId } from '../../src/ports/log.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import { createSystemIds } from '../../src/telemetry/system-clock.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { bombOf } from '../kafka/batch-bytes.js';
import { createForeignWriter, openKafkaLog, type ForeignWriter } from '../kafka/kafka-under-test.js';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { produceRaw } from '../support/raw-producer.js';
import { readTopic } from '../support/read-topic.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, startInPipe, startOnTerminal } from './support/ravenhelm.js';

interface ListedLetter {
  readonly id: string;
  readonly error: string;
  readonly origin: { readonly topic: string; readonly partition: number; readonly offset: number };
  readonly batch: { readonly first_offset: number; readonly last_offset: number; readonly codec: string } | null;
  readonly event_type: string | null;
  readonly state: string;
}

const createEvent = createEventFactory({ clock: systemClock, ids: createSystemIds() });

/** An orchestrator and a worker of one of the two agents; the other agent has no worker until a test starts one. */
describeWithBroker('dead-letters', () => {
  const prefix = `letters.${randomUUID().slice(0, 8)}`;
  const topics = createTopicNames(prefix);
  const served = { topic: topics.tasks('second_agent'), partition: 1 };
  const coordination = { topic: topics.coordination, partition: 4 };
  let clone: TestClone;
  let env: Readonly<Record<string, string>>;
  let swarm: ReturnType<typeof startInPipe>[];
  let log: KafkaLog;
  let foreign: ForeignWriter;

  const rh = (...args: string[]) => runInPipe(clone, args, env);
  const listed = async (...flags: string[]): Promise<readonly ListedLetter[]> =>
    JSON.parse((await rh('dead-letters', 'list', '--json', ...flags)).stdout);
  /** The letter of what lies at the end of a partition now, once it is written. */
  const letterAt = async ({ topic, partition }: PartitionId): Promise<ListedLetter> => {
    const offset = ((await log.admin.offsets(topic))[partition]?.high ?? 0) - 1;
    const isOfIt = ({ headers = {} }: AnyRecord) =>
      headerText(headers['dead_letter_origin_topic']) === topic &&
      headerText(headers['dead_letter_origin_partition']) === String(partition) &&
      headerText(headers['dead_letter_origin_offset']) === String(offset);
    await until('the letter', async () => (await readTopic(log, topics.deadLetters)).some(isOfIt));
    const found = (await listed('--all')).find(
      ({ origin }) => origin.topic === topic && origin.partition === partition && origin.offset === offset,
    );
    if (found === undefined) throw new Error(`no letter of ${topic}[${partition}]@${offset}`);
    return found;
  };
  const poisoned = async (value: Buffer | null = Buffer.from('garbage')): Promise<ListedLetter> => {
    await foreign.write(served, 'k', value);
    return letterAt(served);
  };
  const last = async ({ topic, partition }: PartitionId) =>
    (await readTopic(log, topic)).filter((record) => record.partition === partition).at(-1);
  const essence = (record: AnyRecord | undefined) => ({
    bytes: record?.bytes,
    headers: Object.entries(record?.headers ?? {}).map(([name, value]) => [name, headerText(value)]),
  });

  beforeAll(async () => {
    clone = await createTestClone();
    const { brokers, registryUrl } = testBroker();
    env = {
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      RAVENHELM_PREFIX: prefix,
      KAFKA_SESSION_TIMEOUT_MS: '6000',
    };
    await rh('init');
    swarm = [
      startInPipe(clone, ['--role', 'orchestrator'], env),
      startInPipe(clone, ['--role', 'worker', '--agents', 'second_agent'], env),
    ];
    log = await openKafkaLog({ prefix });
    foreign = await createForeignWriter();
    await Promise.all(swarm.map((role) => role.shows('role.serving')));
  }, 120_000);

  afterAll(async () => {
    for (const role of swarm) role.child.kill('SIGTERM');
    await Promise.all(swarm.map((role) => role.ended()));
    await foreign.close();
    await log.close();
    await clone.remove();
  }, 120_000);

  test('list says where a letter came from, when and why; show has its headers and its bytes', async () => {
    const { id, origin } = await poisoned(Buffer.from('garbage\u001b[2J'));
    const { stdout, code } = await rh('dead-letters', 'list');
    expect(code).toBe(0);
    expect(stdout.split('\n').find((line) => line.startsWith(id))).toMatch(
      new RegExp(
        `^${id} +20\\S+Z +${origin.topic}\\[1\\]@${origin.offset} +- +- +waiting +not in the Confluent wire format$`,
      ),
    );
    const shown = (await rh('dead-letters', 'show', id)).stdout;
    expect(shown).toMatch(/error +not in the Confluent wire format/);
    expect(shown).toMatch(/header dead_letter_time +20\S+Z/);
    expect(shown).toContain('00000000  67 61 72 62 61 67 65 1b 5b 32 4a                 |garbage.[2J|');
    const document = JSON.parse((await rh('dead-letters', 'show', id, '--json')).stdout);
    expect(document).toMatchObject({
      id,
      key: 'k',
      event: null,
      value_base64: Buffer.from('garbage\u001b[2J').toString('base64'),
      why_not_decodable: 'not in the Confluent wire format',
    });
    expect(document.headers).toMatchObject({
      dead_letter_origin_topic: origin.topic,
      dead_letter_origin_offset: String(origin.offset),
    });
  }, 120_000);

  test('a batch that cannot be decoded is one letter with its offsets and codec; it is never redriven', async () => {
    const [broker = ''] = testBroker().brokers;
    const produced: readonly { readonly letter: ListedLetter; readonly offset: number }[] = await Promise.all(
      [served, coordination].map(async (place) => {
        const offset = await produceRaw(broker, place, bombOf(40 * 1024 * 1024));
        return { letter: await letterAt(place), offset };
      }),
    );
    const list = (await rh('dead-letters', 'list')).stdout.split('\n');
    for (const { letter, offset } of produced) {
      const { topic, partition } = letter.origin;
      expect(letter.batch).toEqual({ first_offset: offset, last_offset: offset, codec: 'gzip' });
      const line = list.find((each) => each.startsWith(`${letter.id} `));
      expect(line).toContain(`${topic}[${partition}]@${offset}-${offset}`);
      expect(line).toContain(`the batch of records ${offset} to ${offset} of ${topic}[${partition}], codec gzip`);
    }
    const ids = produced.map(({ letter }) => letter.id);
    const [id = '', offset] = [ids[0], produced[0]?.offset];
    expect((await rh('dead-letters', 'show', id)).stdout).toMatch(
      new RegExp(`batch +records ${offset} to ${offset}, codec gzip, not decodable`),
    );
    for (const flags of [[], ['--as-is']]) {
      const refused = await rh('dead-letters', 'redrive', ...flags, id);
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('there is no record to write')]);
      expect(refused.stderr).toContain(`ravenhelm dead-letters discard ${id}`);
    }
    expect((await rh('dead-letters', 'discard', ...ids, '--why', 'sent again')).code).toBe(0);
    for (const letter of await listed()) expect(ids).not.toContain(letter.id);
  }, 180_000);

  test('discard takes it out of the list; a second operator sees who did it and when', async () => {
    const { id } = await poisoned(null);
    expect((await rh('dead-letters', 'discard', id, '--why', 'a test of ours')).code).toBe(0);
    expect((await listed()).map((letter) => letter.id)).not.toContain(id);
    expect((await listed('--all')).find((letter) => letter.id === id)).toMatchObject({
      state: 'discarded',
      handled: { by: expect.stringContaining('@'), at: expect.stringMatching(/^20.*Z$/) },
    });
    for (const verb of [['discard'], ['redrive', '--as-is'], ['discard', '--take-over']]) {
      const again = await rh('dead-letters', ...verb, id);
      expect([again.code, again.stderr]).toEqual([
        2,
        expect.stringMatching(new RegExp(`dead letter ${id} was discarded by \\S+@\\S+ at 20\\S+Z: a test of ours`)),
      ]);
    }
  }, 120_000);

  test('of two operators at once one redrives, and the other sees why it cannot', async () => {
    const { id } = await poisoned();
    const ends = await Promise.all([
      rh('dead-letters', 'redrive', '--as-is', id),
      rh('dead-letters', 'redrive', '--as-is', id),
    ]);
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 2]);
    expect(ends.find(({ code }) => code === 2)?.stderr).toMatch(
      new RegExp(`dead letter ${id} (is not redriven: it )?(is being|was) redriven by \\S+@\\S+ at 20`),
    );
  }, 120_000);

  test('two operators who redrive all at once write each letter once, and both exit with 0', async () => {
    const ids = [(await poisoned()).id, (await poisoned()).id, (await poisoned()).id];
    const ends = await Promise.all(
      [0, 1].map(() => rh('dead-letters', 'redrive', '--all', '--yes', '--as-is', '--json')),
    );
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    const outcomes = ends.flatMap(({ stdout }): { id: string; outcome: string }[] => JSON.parse(stdout));
    for (const id of ids) {
      const ofIt = outcomes.filter((each) => each.id === id).map(({ outcome }) => outcome);
      expect(ofIt.filter((outcome) => outcome !== 'left')).toEqual(['record']);
    }
  }, 120_000);

  test('an undecodable letter is refused; --as-is writes its bytes back, and it becomes a new letter', async () => {
    const { id, origin } = await poisoned(Buffer.from([0xff, 0x00, 0xfe]));
    const refused = await rh('dead-letters', 'redrive', id);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining(`ravenhelm dead-letters redrive --as-is ${id}`),
    ]);
    expect((await listed()).find((letter) => letter.id === id)?.state).toBe('waiting');
    const { code, stdout } = await rh('dead-letters', 'redrive', '--as-is', id, '--json');
    expect(code).toBe(0);
    const [outcome] = JSON.parse(stdout);
    expect(outcome).toMatchObject({
      id,
      outcome: 'record',
      written: served,
      expect: expect.stringContaining('dead letter again'),
    });
    const records = (await readTopic(log, served.topic)).filter(({ partition }) => partition === served.partition);
    const [before, after] = [origin.offset, outcome.written.offset].map((offset) =>
      records.find((record) => record.offset === offset),
    );
    expect(after?.bytes?.value).toEqual(Buffer.from([0xff, 0x00, 0xfe]));
    expect(essence(after)).toEqual(essence(before));
    const comeBack = await letterAt(served);
    expect(comeBack.id).not.toBe(id);
    expect(comeBack.state).toBe('waiting');
  }, 120_000);

  test('a misplaced event goes to where it belongs, the same event in the same bytes, and counts there', async () => {
    const mission = (await rh('submit', 'missions/asks.yaml')).stdout.trim();
    const event = createEvent({
      type: 'mission_cancel_requested',
      from: 'ann',
      missionId: mission,
      payload: { mission_id: mission, requested_by: 'ann', reason: 'put in the wrong topic', signed: null },
    });
    const appender = log.createAppender('test');
    await appender.append({ ...served, key: mission, event });
    await appender.close();
    const misplaced = await last(served);
    const { id, event_type, error } = await letterAt(served);
    expect([event_type, error]).toEqual([
      'mission_cancel_requested',
      'mission_cancel_requested does not belong in a tasks partition',
    ]);
    expect(JSON.parse((await rh('dead-letters', 'show', id, '--json')).stdout).event.event_id).toBe(event.event_id);
    const { code, stdout } = await rh('dead-letters', 'redrive', id);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        new RegExp(`^redriven: ${id} to ${topics.coordination}\\[\\d+\\]@\\d+; to be expected: it counts`),
      ),
    ]);
    const redriven = (await readTopic(log, topics.coordination)).find(
      ({ content }) => content.kind === 'event' && content.event.event_id === event.event_id,
    );
    expect(redriven?.key).toBe(mission);
    expect(essence(redriven)).toEqual(essence(misplaced));
    await until(
      'the end',
      async () => JSON.parse((await rh('status', mission, '--json')).stdout).status === 'cancelled',
    );
    expect(JSON.parse((await rh('status', mission, '--json')).stdout).reason).toBe(
      'cancelled by ann: put in the wrong topic',
    );
  }, 90_000);

  test('redrive says what to expect: nothing for an unknown mission', async () => {
    const unknown = createMissionId({ nowMs: Date.now(), partition: coordination.partition + 1, random: Math.random });
    const appender = log.createAppender('test');
    await appender.append({
      ...coordination,
      key: unknown,
      event: createEvent({
        type: 'mission_cancel_requested',
        from: 'ann',
        payload: { mission_id: unknown, requested_by: 'ann', reason: 'x', signed: null },
      }),
    });
    await appender.close();
    const { id } = await letterAt(coordination);
    expect((await rh('dead-letters', 'redrive', id)).stdout).toContain(`[${coordination.partition + 1}]`);
    expect((await rh('dead-letters', 'show', id)).stdout).toMatch(/state +was redriven by/);
  }, 120_000);

  test('redriving an assignment cancels the open attempt and runs a new one without using a retry', async () => {
    const mission = (await rh('submit', 'missions/quick.yaml')).stdout.trim();
    const waits = { topic: topics.tasks('first_agent') };
    const isItsAssignment = ({ content }: AnyRecord) =>
      content.kind === 'event' &&
      content.event.event_type === 'task_assigned' &&
      content.event.payload.mission_id === mission;
    await until('the assignment', async () => (await readTopic(log, waits.topic)).some(isItsAssignment));
    const record = (await readTopic(log, waits.topic)).find(isItsAssignment);
    if (record === undefined) throw new Error('no assignment');
    await log.copyRecord({ ...served, record, headers: record.headers ?? {} }); // a mistake of another program
    const { id, error } = await letterAt(served);
    expect(error).toBe('task_assigned is for first_agent, and the topic is that of second_agent');
    const { code, stdout } = await rh('dead-letters', 'redrive', id);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('the orchestrator assigns attempt 2 of deploy-first_agent-wave1'),
    ]);
    const worker = startInPipe(clone, ['--role', 'worker', '--agents', 'first_agent'], env);
    swarm.push(worker);
    const story = await rh('watch', mission);
    expect(story.code).toBe(0);
    const lines = story.stdout.split('\n');
    const asked = lines.findIndex(
      (line) => line.startsWith('task_retry_requested | ') && line.includes(`its assignment became dead letter ${id}`),
    );
    expect(lines[asked + 1]).toMatch(
      new RegExp(
        '^task_cancelled \\| orchestrator → first_agent \\| deploy-first_agent-wave1 \\| ' +
          'retry_requested: asked for by \\S+@\\S+: its assignment',
      ),
    );
    expect(lines[asked + 2]).toMatch(
      /^task_assigned \| orchestrator → first_agent \| deploy-first_agent-wave1 \| attempt 2$/,
    );
    expect(JSON.parse((await rh('status', mission, '--json')).stdout)).toMatchObject({
      status: 'completed',
      tasks: [{ attempts: 2, status: 'verified' }, {}, {}],
    });

    await log.copyRecord({ ...served, record, headers: record.headers ?? {} });
    const late = await letterAt(served);
    const refused = await rh('dead-letters', 'redrive', late.id);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining(`mission ${mission} has ended (completed): a new attempt would be void`),
    ]);
  }, 120_000);

  test('redrive --all asks first; without a terminal it wants --yes', async () => {
    await poisoned();
    const unasked = await rh('dead-letters', 'redrive', '--all');
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('Add --yes.')]);
    const asked = startOnTerminal(clone, ['dead-letters', 'redrive', '--all'], { env });
    await asked.shows('[y/N]');
    asked.type('n\r');
    expect(await asked.exit).toBe(2);
    expect(asked.output()).toContain('nothing was redriven');
    for (const [key, code] of [
      ['\u0004', 2],
      ['\u0003', 130],
    ] as const) {
      const left = startOnTerminal(clone, ['dead-letters', 'redrive', '--all'], { env });
      await left.shows('[y/N]');
      left.type(key);
      expect(await left.exit).toBe(code);
    }
    const waiting = (await listed()).filter(({ state }) => state === 'waiting').length;
    const all = await rh('dead-letters', 'redrive', '--all', '--yes', '--json');
    expect(all.code).toBe(2); // undecodable letters are refused, each with its reason
    expect(JSON.parse(all.stdout)).toHaveLength(waiting);
    const agreed = startOnTerminal(clone, ['dead-letters', 'redrive', '--all', '--as-is'], { env });
    await agreed.shows('[y/N]');
    agreed.type('y\r');
    expect(await agreed.exit).toBe(0);
    expect(agreed.output().match(/redriven: /g)).toHaveLength(waiting);
  }, 90_000);

  test('a letter whose redriver died before it wrote is kept from others until one takes over', async () => {
    const { id } = await poisoned();
    const letter = (await readTopic(log, topics.deadLetters)).find(
      ({ partition, offset }) => `${partition}-${offset}` === id,
    );
    const origin = parseLetterHeaders(letter?.headers ?? {})?.origin;
    if (origin === undefined) throw new Error('no letter');
    const payload = {
      letter_id: id,
      origin_topic: origin.topic,
      origin_partition: origin.partition,
      origin_offset: origin.offset,
      origin_timestamp: origin.timestampMs,
      taken_by: 'ben@gone',
      signed: null,
      taken_over: false,
    };
    const appender = log.createAppender('gone');
    await appender.append({
      topic: topics.deadLetters,
      partition: 0,
      key: 'k',
      event: createEvent({ type: 'dead_letter_taken', from: 'ben@gone', payload }),
    });
    await appender.close();
    expect((await listed()).find((each) => each.id === id)?.state).toBe('redriving');
    for (const verb of [['redrive', '--as-is'], ['discard']]) {
      const kept = await rh('dead-letters', ...verb, id);
      expect([kept.code, kept.stderr]).toEqual([
        2,
        expect.stringMatching(new RegExp(`dead letter ${id} is being redriven by ben@gone at 20\\S+\n.*--take-over`)),
      ]);
    }
    expect((await rh('dead-letters', 'redrive', '--as-is', '--take-over', id)).code).toBe(0);
    expect((await listed('--all')).find((each) => each.id === id)?.state).toBe('redriven');
  }, 120_000);

  test('wrong use says what to do', async () => {
    const { id } = await poisoned();
    const unknown = await rh('dead-letters', 'show', `${id}0`);
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      expect.stringMatching(/there is no dead letter .*\n {2}Did you mean /),
    ]);
    expect(await rh('dead-letters', 'redrive')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('takes ids, or --all'),
    });
    expect(await rh('dead-letters', 'list', '--log', 'memory')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('other commands cannot reach it, and it ends with that process'),
    });
    const nowhere = await runInPipe(clone, ['dead-letters', 'list'], { ...env, KAFKA_BROKERS: '127.0.0.1:1' });
    expect(nowhere.code).toBe(3);
  }, 120_000);
});
