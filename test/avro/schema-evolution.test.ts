import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogRecord } from '../../src/ports/log.js';
import { SchemaIncompatible } from '../../src/avro/errors.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { statusRequest } from '../contract/events.js';
import { joinRecorded, textsOf } from '../contract/recorder.js';
import { until } from '../contract/until.js';
import { describeWithBroker } from '../support/broker.js';
import { openKafkaLog, SCHEMAS_DIR } from '../kafka/kafka-under-test.js';

interface Field {
  readonly name: string;
  readonly type: unknown;
  readonly default?: unknown;
  readonly doc?: string;
}

/** Builds of other days: the same schemas under their own namespace, so that no test changes another's subjects. */
describeWithBroker('schemas that change from one build to the next', () => {
  const directories: string[] = [];
  const logs: KafkaLog[] = [];
  let namespace: string;
  let topic: string;

  beforeEach(() => {
    namespace = `ravenhelm.t${randomUUID().replaceAll('-', '')}`;
    topic = `evolution-${randomUUID()}`;
  });
  afterEach(async () => {
    for (const log of logs.splice(0)) await log.close();
    for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
  });

  /** A build's log: the request_status schema with its payload's fields changed. */
  const build = async (
    change: (fields: readonly Field[]) => readonly Field[] = (fields) => fields,
  ): Promise<KafkaLog> => {
    const directory = await mkdtemp(join(tmpdir(), 'schemas-'));
    directories.push(directory);
    const schema = JSON.parse(await readFile(join(SCHEMAS_DIR, 'request-status.avsc'), 'utf8'));
    schema.namespace = namespace;
    const payload = schema.fields.find((field: Field) => field.name === 'payload').type;
    payload.fields = change(payload.fields);
    await writeFile(join(directory, 'request-status.avsc'), JSON.stringify(schema));
    const log = await openKafkaLog({ schemasDir: directory });
    logs.push(log);
    return log;
  };
  const writeOne = async (log: KafkaLog, text: string, extra: object = {}) => {
    const appender = log.createAppender('test');
    const event = statusRequest(text);
    await appender.append({
      topic,
      partition: 0,
      key: text,
      event: { ...event, payload: { ...event.payload, ...extra } },
    });
    await appender.close();
  };
  const readAll = async (log: KafkaLog, count: number): Promise<readonly LogRecord[]> => {
    const reader = await joinRecorded(log, `group-${randomUUID()}`, topic);
    await until(`${count} records`, () => reader.records.length === count);
    await reader.member.leave();
    return reader.records;
  };
  const ensureTopic = (log: KafkaLog) =>
    log.admin.ensureTopics([{ name: topic, partitions: 1, replicationFactor: null, config: {} }]);

  const urgency: Field = { name: 'urgency', type: ['null', 'string'], default: null, doc: 'How soon.' };

  test('an added optional field: new builds read old events with its default, old builds ignore it', async () => {
    const yesterday = await build();
    await ensureTopic(yesterday);
    await writeOne(yesterday, 'old');
    const today = await build((fields) => [...fields, urgency]);
    await writeOne(today, 'new', { urgency: 'high' });

    expect(
      (await readAll(today, 2)).map(({ content }) => (content.kind === 'event' ? content.event.payload : null)),
    ).toMatchObject([
      { request_id: 'old', urgency: null },
      { request_id: 'new', urgency: 'high' },
    ]);
    const asYesterday = await readAll(yesterday, 2);
    expect(textsOf(asYesterday)).toEqual(['old', 'new']);
    expect(asYesterday.every(({ content }) => content.kind === 'event' && !('urgency' in content.event.payload))).toBe(
      true,
    );
  });

  test("an added field without a default is refused at startup, with the registry's reason", async () => {
    await build();
    const start = build((fields) => [...fields, { name: 'urgency', type: 'string', doc: 'How soon.' }]);
    await expect(start).rejects.toThrow(SchemaIncompatible);
    await expect(start).rejects.toMatchObject({
      subject: `${namespace}.RequestStatus`,
      registryReason: expect.stringMatching(/compatib/i),
    });
  });

  test('a field that changes its type is refused against every earlier version, not only the latest', async () => {
    await build((fields) => [...fields, urgency]);
    await build();
    await expect(build((fields) => [...fields, { ...urgency, type: ['null', 'int'] }])).rejects.toThrow(
      SchemaIncompatible,
    );
  });

  test("a new event type: a watch skips it; a role's partition waits, gives the reason, then continues", async () => {
    const old = await build();
    await ensureTopic(old);
    const directory = await mkdtemp(join(tmpdir(), 'schemas-'));
    directories.push(directory);
    await cp(SCHEMAS_DIR, directory, { recursive: true });
    await writeOne(old, 'before');
    const newer = await openKafkaLog({ schemasDir: directory });
    logs.push(newer);
    await writeOne(newer, 'of a type that the old build does not know');
    await writeOne(old, 'after');

    const seen: LogRecord[] = [];
    let caughtUp = false;
    const watch = await old.watch({
      topics: [topic],
      from: 'beginning',
      onRecord: (record) => void seen.push(record),
      onCaughtUp: () => void (caughtUp = true),
      onFatal: (error) => {
        throw error;
      },
    });
    await until('caught up', () => caughtUp);
    await watch.stop();
    expect(textsOf(seen)).toEqual(['before', 'after']);

    const blocked = await joinRecorded(old, `group-${randomUUID()}`, topic);
    await until('the block', () => blocked.blocked.length === 1);
    expect(blocked.texts()).toEqual(['before']);
    expect(blocked.blocked[0]).toMatchObject({ offset: 1, reason: expect.stringContaining('ravenhelm.RequestStatus') });
    await blocked.member.leave();
  });
});
