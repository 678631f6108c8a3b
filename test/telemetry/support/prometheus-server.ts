/** A real Prometheus for tests, and promtool. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { answersOk, describeWith, findTestProgram, pathOf, startServer } from './test-program.js';

const programs = await findTestProgram('prometheus');

/** describe() for tests with prometheus or promtool. */
export const describeWithPrometheus = describeWith(programs);

/** value: of an instant vector or a scalar. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Where prometheus and promtool are. */
export const prometheusDirectory = (): string => pathOf(programs);

export interface PrometheusServer {
  readonly url: string;
  /** The result of a PromQL query, now. An error of the query rejects. */
  query(promql: string): Promise<readonly Sample[]>;
  stop(): Promise<void>;
}

/** config: the text of prometheus.yml; files: by name, what it includes, such as rules. */
export async function startPrometheus(
  config: string,
  files: Readonly<Record<string, string>> = {},
): Promise<PrometheusServer> {
  const directory = await mkdtemp(join(tmpdir(), 'ravenhelm-prometheus-'));
  for (const [name, content] of Object.entries({ ...files, 'prometheus.yml': config }))
    await writeFile(join(directory, name), content);
  const server = await startServer(
    async (port) => [
      join(pathOf(programs), 'prometheus'),
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    (url) => answersOk(`${url}/-/ready`),
  );
  return {
    url: server.url,
    query: (promql) => query(server.url, promql),
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** Runs promtool; output is what it printed on both streams. */
export async function promtool(
  ...args: readonly string[]
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const child = spawn(join(pathOf(programs), 'promtool'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { exitCode, output: stdout + stderr };
}

const timeAndValue = z.tuple([z.number(), z.string().transform(Number)]);
const answerOfQuery = z.discriminatedUnion('status', [
  z.object({ status: z.literal('error'), error: z.string() }),
  z.object({
    status: z.literal('success'),
    data: z.discriminatedUnion('resultType', [
      z.object({
        resultType: z.literal('vector'),
        result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: timeAndValue })),
      }),
      z.object({ resultType: z.literal('scalar'), result: timeAndValue }),
    ]),
  }),
]);

/** https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries */
async function query(url: string, promql: string): Promise<readonly Sample[]> {
  const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: promql }).toString()}`);
  const body = answerOfQuery.parse(await answer.json());
  if (body.status === 'error') throw new Error(`${promql}: ${body.error}`);
  if (body.data.resultType === 'scalar') return [{ labels: {}, value: body.data.result[1] }];
  return body.data.result.map(({ metric, value }) => ({ labels: metric, value: value[1] }));
}
