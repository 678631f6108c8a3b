import { artifactPattern, artifactProblems, artifactWarnings } from '../../src/domain/artifacts.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import { reportMission } from '../../src/domain/mission-report.js';
import { CERT, completed, expired, failed, ID, only, planOf, planTask, underWay } from './support/mission-log.js';

const messages = (...artifacts: string[]) =>
  artifactProblems(planTask('cert_agent', 1, { artifacts }), ['waves', 0]).map(({ path, message }) => [
    path.join('.'),
    message,
  ]);

describe('patterns of artifacts', () => {
  test('are relative, and may have the wildcards of the shell', () => {
    expect(messages('report/*.md', 'dist/**', '**/*.log', 'a?.txt', '[ab].txt', '.github/**', './a.txt')).toEqual([]);
  });

  test.each([
    ['/etc/passwd', '"/etc/passwd" is absolute'],
    ['/workspace/a', '"/workspace/a" is absolute'],
    ['~/a', '"~/a" is absolute'],
    ['../a', '"../a" may lead out of the workspace'],
    ['a/../b', '"a/../b" may lead out of the workspace'],
    ['', 'a pattern of artifacts is empty'],
    ['  ', 'a pattern of artifacts is empty'],
    ['.', '"." is the whole workspace'],
    ['./', '"./" is the whole workspace'],
    ['a\0b', expect.stringContaining('is no path of the workspace')],
    ['a\nb', expect.stringContaining('is no path of the workspace')],
    ['!a', '"!a" excludes files, which a pattern cannot'],
    ['*.{md,txt}', '"*.{md,txt}" has alternatives in braces'],
  ])('%j is refused', (pattern, message) => {
    expect(messages('a.txt', pattern)).toEqual([['waves.0.artifacts.1', message]]);
  });

  test('are written one way: without ./ and without empty names', () => {
    expect(['./a//b/', 'dist/**', '/a', '../a'].map(artifactPattern)).toEqual(['a/b', 'dist/**', '/a', '../a']);
  });
});

test('warnings name patterns without a file, files that are not listed, and how many more there are', () => {
  const artifacts = {
    unmatched: ['*.log'],
    left_out: [{ path: 'a.key', why: 'it holds a secret' }],
    left_out_count: 3,
  };
  expect(
    artifactWarnings([
      { task_id: 't', artifacts },
      { task_id: 'u', artifacts: null },
    ]),
  ).toEqual(['t: *.log matched no file', 't: a.key is not listed: it holds a secret', 't: 2 more are not listed']);
});

describe('the artifacts of a task', () => {
  const listed = (path: string) => ({
    ...{ worker_id: 'w', host: 'h', directory: '/srv/w', files: [{ path, bytes: 1, digest: 'd' }] },
    ...{ unmatched: [], left_out: [], left_out_count: 0 },
  });
  const plan = planOf([['cert_agent']]);
  const begun = () => {
    const waves = plan.waves.map((wave) => ({
      ...wave,
      tasks: wave.tasks.map((task) => ({ ...task, artifacts: ['dist/**'] })),
    }));
    return underWay({ plan: { ...plan, waves } });
  };
  const ofReport = (log: ReturnType<typeof begun>) =>
    reportMission(log.mission()).tasks.find(({ task_id }) => task_id === CERT)?.artifacts;

  test('are in its assignment, and in the report as its result says them', () => {
    const log = begun();
    expect(log.mission().tasks.get(CERT)?.plan.artifacts).toEqual(['dist/**']);
    expect(ofReport(log)).toBeNull();
    const result = completed(CERT);
    if (result.event_type !== 'task_completed') throw new Error('no result');
    log.when({ ...result, payload: { ...result.payload, artifacts: listed('a') } });
    expect(ofReport(log)).toEqual(listed('a'));
  });

  test('of a failed attempt are those of the task until the next one begins, which has the patterns again', () => {
    const log = begun();
    log.when(failed(CERT, 1, { artifacts: listed('a') }));
    expect(ofReport(log)).toEqual(listed('a'));
    log.settle();
    const again = only('task_assigned', log.settle(expired(timerKeys.retry(ID, CERT, 1))));
    expect(again).toMatchObject({ attempt: 2, artifacts: ['dist/**'] });
    expect(ofReport(log)).toBeNull();
    log.when(failed(CERT, 2, { retriable: false, artifacts: listed('b') }));
    expect(ofReport(log)).toEqual(listed('b'));
  });
});
