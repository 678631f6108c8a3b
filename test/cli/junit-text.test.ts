import { junitText, type DeclaredChecks, type JunitOptions } from '../../src/cli/junit-text.js';
import { createRedactor } from '../../src/domain/redaction.js';
import type { MissionReport } from '../../src/domain/report.js';
import { requireJunit, type XmlElement } from './support/junit-rules.js';
import { check, MISSION, report, task } from './support/samples.js';

const declared = (tasks: Record<string, readonly string[]>, success: readonly string[] = []): DeclaredChecks => ({
  tasks: new Map(Object.entries(tasks).map(([id, names]) => [id, names.map(declaredCheck)])),
  success: success.map(declaredCheck),
});
const declaredCheck = (name: string) => ({ name, command: `test ${name}` });

function suiteOf(of: MissionReport, checks: DeclaredChecks, more: Partial<JunitOptions> = {}): XmlElement {
  const nowMs = Date.parse('2026-11-23T14:16:02.417Z');
  return requireJunit(junitText(of, { declared: checks, hostname: 'host', redact: (text) => text, nowMs, ...more }));
}

/** Each testcase on a line: class, name, seconds, what happened to it. */
const casesOf = (suite: XmlElement): readonly string[] =>
  suite.children
    .filter(({ name }) => name === 'testcase')
    .map(({ attributes: { classname, name, time }, children }) => {
      const [outcome] = children;
      const end = outcome === undefined ? 'passed' : `${outcome.name}: ${outcome.attributes['message']}`;
      return `${classname} | ${name} | ${time} | ${end}`;
    });

const ENDED = { status: 'completed', ended_at: '2026-11-23T14:15:12.917Z' } as const;

test('a mission that completed has a testcase for each task, check and success check', () => {
  const tasks = [
    task({ agent: 'a', wave: 1, status: 'verified', duration_ms: 1234, checks: [check('one', 0)] }),
    task({ agent: 'b', wave: 2, status: 'unverified', duration_ms: 10 }),
    task({ agent: 'b', wave: 3, task_id: 'verify-b-wave3', status: 'verified', checks: [check('all', 0)] }),
  ];
  const checks = declared({ 'deploy-a-wave1': ['one'], 'deploy-b-wave2': [] }, ['all']);
  const suite = suiteOf(report(tasks, { ...ENDED, cost_usd: 0.5, tokens: 700, success: [check('all', 0)] }), checks);
  expect(casesOf(suite)).toEqual([
    'hello.wave1 | deploy-a-wave1 | 1.234 | passed',
    'hello.wave1.deploy-a-wave1 | one | 0.003 | passed',
    'hello.wave2 | deploy-b-wave2 | 0.010 | passed',
    'hello.wave3 | verify-b-wave3 | 0.000 | passed',
    'hello.success | all | 0.003 | passed',
  ]);
  expect(suite.attributes).toEqual({
    name: 'hello',
    package: 'ravenhelm',
    id: '0',
    timestamp: '2026-11-23T14:15:02',
    hostname: 'host',
    tests: '5',
    failures: '0',
    errors: '0',
    skipped: '0',
    time: '10.500',
  });
  expect(suite.children[0]?.children.map(({ attributes }) => [attributes['name'], attributes['value']])).toEqual([
    ['mission_id', MISSION],
    ['status', 'completed'],
    ['requested_by', 'ann@host'],
    ['cost_usd', '0.5'],
    ['tokens', '700'],
    ['workspace', '/srv/work/hello'],
  ]);
});

test('failures have their messages, and what did not run is skipped', () => {
  const tasks = [
    task({ agent: 'a', wave: 1, status: 'failed', detail: 'gave up', checks: [check('one', 0), check('two', 3)] }),
    task({ agent: 'b', wave: 2, status: 'cancelled' }),
  ];
  const checks = declared({ 'deploy-a-wave1': ['one', 'two', 'three'], 'deploy-b-wave2': ['four'] }, ['all']);
  const failed = { status: 'failed', ended_at: ENDED.ended_at, reason: 'deploy-a-wave1 failed' } as const;
  expect(casesOf(suiteOf(report(tasks, failed), checks))).toEqual([
    'hello.wave1 | deploy-a-wave1 | 0.000 | failure: check "two" failed: gave up',
    'hello.wave1.deploy-a-wave1 | one | 0.003 | passed',
    'hello.wave1.deploy-a-wave1 | two | 0.003 | failure: exit code 3: test two',
    'hello.wave1.deploy-a-wave1 | three | 0.000 | skipped: not run',
    'hello.wave2 | deploy-b-wave2 | 0.000 | skipped: cancelled',
    'hello.wave2.deploy-b-wave2 | four | 0.000 | skipped: not run',
    'hello.success | all | 0.000 | skipped: not run',
    'hello | mission | 0.000 | failure: deploy-a-wave1 failed',
  ]);
});

test.each([
  ['cancelled', '2026-11-23T14:15:12.917Z', 'cancelled by ann: enough', 'failure: cancelled by ann: enough', '10.500'],
  ['failed', '2026-11-23T14:15:12.917Z', 'no plan', 'failure: no plan', '10.500'],
  ['running', null, null, 'error: the mission has not ended: running', '60.000'],
] as const)('a mission that is %s never looks as if all had passed', (status, ended_at, reason, outcome, time) => {
  const suite = suiteOf(report([], { status, ended_at, reason }), declared({}));
  expect(casesOf(suite)).toEqual([`hello | mission | 0.000 | ${outcome}`]);
  expect(suite.attributes['time']).toBe(time);
});

test('foreign text is escaped, and comes back as it was but for control characters', () => {
  const detail = 'a <b> & "c" \u0000\u001b[31m\u0085\ud800\ufffe]]>\nsecond\tline\r\n\u{1f600}';
  const tasks = [task({ agent: 'a', wave: 1, status: 'failed', detail })];
  const failed = { status: 'failed', ended_at: ENDED.ended_at, reason: 'r', name: 'v1.2 <x>' } as const;
  const suite = suiteOf(report(tasks, failed), declared({ 'deploy-a-wave1': [] }));
  const [first] = suite.children.filter(({ name }) => name === 'testcase');
  expect(first?.attributes['classname']).toBe('v1_2 <x>.wave1');
  expect(first?.children[0]).toMatchObject({
    name: 'failure',
    attributes: { message: 'a <b> & "c" [31m]]>' },
    text: 'a <b> & "c" [31m]]>\nsecond\tline\r\n\u{1f600}',
  });
});

test('secrets are redacted before they are written', () => {
  const redact = createRedactor(['correct horse & battery']);
  const tasks = [task({ agent: 'a', wave: 1, status: 'failed', detail: 'with correct horse & battery' })];
  const failed = { status: 'failed', ended_at: ENDED.ended_at, reason: 'r' } as const;
  expect(casesOf(suiteOf(report(tasks, failed), declared({ 'deploy-a-wave1': [] }), { redact })).join()).not.toMatch(
    /horse/,
  );
});

test('artifacts are properties: the schema has no element for files', () => {
  const artifacts = {
    ...{ worker_id: 'w', host: 'h', directory: '/w', unmatched: [], left_out: [], left_out_count: 0 },
    files: [
      { path: 'a & b.txt', bytes: 3, digest: 'aa' },
      { path: 'c.txt', bytes: 0, digest: 'bb' },
    ],
  };
  const tasks = [task({ agent: 'a', wave: 1, status: 'verified', artifacts }), task({ agent: 'b', wave: 1 })];
  const properties = suiteOf(report(tasks, ENDED), declared({})).children[0]?.children ?? [];
  expect(properties.map(({ attributes }) => attributes).filter(({ name }) => name === 'artifact')).toEqual([
    { name: 'artifact', value: 'deploy-a-wave1/a & b.txt 3 bytes sha256:aa' },
    { name: 'artifact', value: 'deploy-a-wave1/c.txt 0 bytes sha256:bb' },
  ]);
});

test('a mission that ran without a sandbox says so, and which tasks did', () => {
  const tasks = [
    task({ agent: 'a', wave: 1, status: 'verified', sandbox_off: true }),
    task({ agent: 'b', wave: 1, status: 'verified' }),
  ];
  const valuesOf = (of: MissionReport) =>
    suiteOf(of, declared({})).children[0]?.children.flatMap(({ attributes: { name, value } }) =>
      name === 'sandbox' ? [value] : [],
    );
  expect(valuesOf(report(tasks, { ...ENDED, sandbox_off: true }))).toEqual(['off for deploy-a-wave1']);
  expect(valuesOf(report([], { ...ENDED, sandbox_off: true }))).toEqual(['off']);
  expect(valuesOf(report(tasks, { ...ENDED, sandbox_off: false }))).toEqual([]);
});
