/**
 * What processor time goes into: V8's sampling profiler on this process, by what the code belongs to, and as a flame
 * graph.
 */
import { Session } from 'node:inspector/promises';
import type { Profiler } from 'node:inspector';

export interface CpuProfile {
  /** Of all samples, what was not idle, in ms. */
  readonly busyMs: number;
  /** ms of processor time by cost, the largest first. */
  readonly costs: readonly (readonly [cost: string, ms: number])[];
  /** For Chrome's DevTools and speedscope. */
  json(): string;
  /** An image of the stacks: a frame's width is its share of the time. */
  svg(): string;
}

const SAMPLE_US = 500;

export async function profileWhile(work: () => Promise<void>): Promise<CpuProfile> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  await session.post('Profiler.start');
  await work();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  const selfMs = selfTimes(profile);
  const costs = new Map<string, number>();
  for (const node of profile.nodes) {
    const cost = costOf(node.callFrame);
    if (cost !== null) costs.set(cost, (costs.get(cost) ?? 0) + (selfMs.get(node.id) ?? 0));
  }
  return {
    busyMs: [...costs.values()].reduce((sum, ms) => sum + ms, 0),
    costs: [...costs].sort((a, b) => b[1] - a[1]),
    json: () => JSON.stringify(profile),
    svg: () => flameGraph(profile, selfMs),
  };
}

function selfTimes({ samples = [], timeDeltas = [] }: Profiler.Profile): Map<number, number> {
  const times = new Map<number, number>();
  samples.forEach((id, index) => times.set(id, (times.get(id) ?? 0) + (timeDeltas[index] ?? 0) / 1000));
  return times;
}

/** By file, the first that fits; what none fits is the runtime's. */
const COSTS: readonly (readonly [cost: string, pattern: RegExp])[] = [
  ['headers of records', /record-headers\.js|internal\/crypto\/hash/],
  ['Avro', /\/avsc\/|\/kafka\/codec\.js/],
  ['kafkajs: CRC', /crc32/i],
  [
    'kafkajs: encoding of records',
    /kafkajs\/src\/protocol\/(encoder|request|recordBatch\/(v\d|record\/v\d)\/(index|encoder)|requests\/produce)/,
  ],
  ['kafkajs: decoding of records', /kafkajs\/src\/protocol\/(decoder|recordBatch|messageSet|message|requests\/fetch)/],
  ['kafkajs: the rest', /kafkajs/],
  ['zod', /\/zod\//],
  ['the swarm: domain', /\/(src|dist)\/domain\//],
  ['the swarm: roles', /\/(src|dist)\/roles\//],
  ['the swarm: agent', /\/(src|dist)\/agent\//],
  ['the swarm: Kafka adapter', /\/(src|dist)\/kafka\//],
  ['the swarm: the rest', /\/(src|dist)\//],
  ['timers', /internal\/timers/],
  ['network', /node:(net|internal\/(stream|js_stream|http))|node:_http/],
];

function costOf({ functionName, url }: { readonly functionName: string; readonly url: string }): string | null {
  switch (functionName) {
    case '(idle)':
    case '(root)':
      return null;
    case '(garbage collector)':
      return 'garbage collection';
    case 'writeBuffer':
    case 'writev':
      return 'network';
    case 'runMicrotasks':
      return 'promises';
    default:
      return COSTS.find(([, pattern]) => pattern.test(url))?.[0] ?? 'the runtime';
  }
}

const WIDTH = 1600;
const ROW = 16;
/** What is narrower cannot be seen. */
const LEAST_WIDTH = 0.5;

interface Frame {
  readonly name: string;
  ms: number;
  readonly children: Map<string, Frame>;
}

function flameGraph({ nodes }: Profiler.Profile, selfMs: ReadonlyMap<number, number>): string {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const merged = (frame: Frame, id: number): number => {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') return 0;
    const { functionName, url, lineNumber } = node.callFrame;
    const name =
      `${functionName || '(anonymous)'} ${url.split('/').slice(-2).join('/')}` +
      `${url === '' ? '' : `:${lineNumber + 1}`}`;
    const child = frame.children.get(name) ?? { name, ms: 0, children: new Map() };
    frame.children.set(name, child);
    const ms = (selfMs.get(id) ?? 0) + (node.children ?? []).reduce((sum, next) => sum + merged(child, next), 0);
    child.ms += ms;
    return ms;
  };
  const root: Frame = { name: 'all', ms: 0, children: new Map() };
  const first = nodes[0];
  root.ms = (first?.children ?? []).reduce((sum, id) => sum + merged(root, id), 0);
  const rects: string[] = [];
  let depth = 0;
  const draw = (frame: Frame, x: number, row: number): void => {
    const width = (frame.ms / root.ms) * WIDTH;
    if (width < LEAST_WIDTH) return;
    depth = Math.max(depth, row);
    const hue = 20 + ([...frame.name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 40);
    const shown =
      width < 30
        ? ''
        : `<text x="${x.toFixed(1)}" y="${row * ROW + 12}" clip-path="inset(0)">` +
          `${escape(frame.name.slice(0, Math.floor(width / 6)))}</text>`;
    rects.push(
      `<g><title>${escape(frame.name)}: ${frame.ms.toFixed(1)} ms, ${((100 * frame.ms) / root.ms).toFixed(1)} ` +
        `%</title><rect x="${x.toFixed(1)}" y="${row * ROW}" width="${width.toFixed(1)}" height="${ROW - 1}" ` +
        `fill="hsl(${hue} 80% 65%)"/>${shown}</g>`,
    );
    let left = x;
    for (const child of [...frame.children.values()].sort((a, b) => b.ms - a.ms)) {
      draw(child, left, row + 1);
      left += (child.ms / root.ms) * WIDTH;
    }
  };
  draw(root, 0, 0);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${(depth + 1) * ROW}" ` +
    `font-family="monospace" font-size="10">${rects.join('\n')}</svg>\n`
  );
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
