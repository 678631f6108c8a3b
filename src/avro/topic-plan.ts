import { readFile } from 'node:fs/promises';
import { LineCounter, isNode, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { isInRange, RANGES, rangeText, type RangeName } from '../domain/ranges.js';
import { RECORD_SIZE } from '../domain/sizes.js';
import type { TopicNames } from '../domain/topic-names.js';
import type { TopicSpec } from '../ports/log.js';
import { TopicPlanInvalid } from './errors.js';

/** A topic of topics.yaml, with its name. */
export interface PlannedTopic extends TopicSpec {
  /** The orchestrator deletes records older than this and below the committed offset; null: it deletes none. */
  readonly swarmRetentionMs: number | null;
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, y: 365 * 86_400_000 } as const;
const FOREVER = 'forever';
const RETENTION = RANGES['topic retention'];

const retention = z
  .string()
  .regex(/^(forever|[1-9]\d*\s*[smhdy])$/, 'expected forever, or a number and one of s, m, h, d, y, such as 7 d')
  .transform((text) => (text === FOREVER ? null : Number.parseInt(text, 10) * unitMs(text)))
  .refine(
    (durationMs) => durationMs === null || isInRange(RETENTION, durationMs / UNIT_MS.s),
    `expected ${rangeText(RETENTION)} (${(RETENTION.most * UNIT_MS.s) / UNIT_MS.y} y), or forever`,
  );

function numberIn(name: RangeName): z.ZodNumber {
  const expected = `expected ${rangeText(RANGES[name])}`;
  return z.int(expected).min(RANGES[name].least, expected).max(RANGES[name].most, expected);
}

const topic = z
  .strictObject({
    partitions: numberIn('topic partitions'),
    retention,
    deleted_by: z.enum(['swarm', 'broker']),
    replication_factor: z
      .union(
        [z.literal('auto'), numberIn('topic replication_factor')],
        `expected auto or ${rangeText(RANGES['topic replication_factor'])}`,
      )
      .default('auto'),
    config: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  })
  .superRefine(({ deleted_by: deletedBy, config }, context) => {
    const bytes = config[RECORD_SIZE];
    if (bytes !== undefined && !isInRange(RANGES['topic max.message.bytes'], Number(bytes)))
      context.addIssue({
        code: 'custom',
        path: ['config', RECORD_SIZE],
        message: `expected ${rangeText(RANGES['topic max.message.bytes'])}: what a mission or a task may have must fit`,
      });
    for (const setting of ['retention.ms', 'retention.bytes']) {
      if (!(setting in config)) continue;
      const instead =
        deletedBy === 'swarm' ? 'remove it: a broker that deletes by age deletes open work' : 'use retention instead';
      context.addIssue({ code: 'custom', path: ['config', setting], message: instead });
    }
  });
/** No consumer group reads these topics, so that the swarm cannot know which records are done. */
const watchedTopic = topic.refine((value) => value.deleted_by === 'broker', {
  path: ['deleted_by'],
  error: 'use broker: no consumer group commits offsets here, so that the swarm would delete nothing',
});
const plan = z.strictObject({ coordination: topic, tasks: topic, status: watchedTopic, 'dead-letters': watchedTopic });

type Topic = z.infer<typeof topic>;

/**
 * Reads topics.yaml: the coordination, status and dead-letters topics, and one tasks topic for each agent. Rejects with
 * TopicPlanInvalid, which names file, line, column and field of every problem.
 */
export async function loadTopicPlan(
  path: string,
  names: TopicNames,
  agents: readonly string[],
): Promise<readonly PlannedTopic[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TopicPlanInvalid([`${path}: cannot be read (${reason}); restore it from the project`]);
  }
  return parseTopicPlan(path, text, names, agents);
}

/** Like loadTopicPlan, from the text; `file` is used in messages only. */
export function parseTopicPlan(
  file: string,
  text: string,
  names: TopicNames,
  agents: readonly string[],
): readonly PlannedTopic[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0) {
    throw new TopicPlanInvalid(
      document.errors.map(({ message, pos }) => `${file}:${placeAt(lines, pos[0])}: ${message.split('\n')[0]}`),
    );
  }
  const parsed = plan.safeParse(document.toJS());
  if (!parsed.success) {
    throw new TopicPlanInvalid(
      parsed.error.issues.map((issue) => {
        // zod reports an unknown key at its parent; the message names the place of the key itself.
        const path = issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path;
        return `${file}:${placeOf(document, lines, path)}: ${path.join('.') || 'the file'}: ${issue.message}`;
      }),
    );
  }
  const { coordination, tasks, status, 'dead-letters': deadLetters } = parsed.data;
  return [
    plannedTopic(names.coordination, coordination),
    ...agents.map((agent) => plannedTopic(names.tasks(agent), tasks)),
    plannedTopic(names.status, status),
    plannedTopic(names.deadLetters, deadLetters),
  ];
}

function plannedTopic(
  name: string,
  { partitions, retention: retentionMs, deleted_by: deletedBy, replication_factor: replication, config }: Topic,
): PlannedTopic {
  const bySwarm = deletedBy === 'swarm';
  const brokerRetention: Record<string, string> = bySwarm
    ? { 'retention.ms': '-1', 'retention.bytes': '-1' }
    : { 'retention.ms': String(retentionMs ?? -1) };
  const settings = Object.fromEntries(Object.entries(config).map(([setting, value]) => [setting, String(value)]));
  return {
    name,
    partitions,
    replicationFactor: replication === 'auto' ? null : replication,
    config: { ...brokerRetention, ...settings },
    swarmRetentionMs: bySwarm ? retentionMs : null,
  };
}

function placeAt(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${line}:${col}`;
}

/** Line and column (from 1) of a field, or of its nearest existing parent. */
function placeOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): string {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return placeAt(lines, node.range[0]);
  }
  return '1:1';
}

function unitMs(text: string): number {
  const unit = z.enum(['s', 'm', 'h', 'd', 'y']).parse(text.at(-1));
  return UNIT_MS[unit];
}
