import { jest } from '@jest/globals';
import { createProgress } from '../../src/cli/progress.js';
import { progressFrame } from '../../src/cli/progress-frame.js';
import { paint } from '../../src/cli/paint.js';
import type { MissionReport } from '../../src/domain/report.js';
import { createFakeClock } from './support/fake-clock.js';
import { check, event, MISSION, report, task } from './support/samples.js';
import { createTestTerminal } from './support/terminal.js';

const EVENT = event('wave_started', {
  mission_id: MISSION,
  owner: 'o',
  wave_number: 1,
  task_ids: ['deploy-cert_agent-wave1'],
});

function frame(of: MissionReport, columns = 100): string[] {
  return progressFrame(of, {
    columns,
    elapsedMs: 12_345,
    nowMs: Date.parse('2026-11-23T14:07:30Z'),
    runningMs: () => 3_000,
  }).map((line) => paint(line, columns, false).text.trimEnd());
}

const MIXED = report([
  task({
    agent: 'cert_agent',
    wave: 1,
    status: 'verified',
    attempts: 1,
    steps: 3,
    duration_ms: 2_100,
    model: 'playbook',
    checks: [check('chain', 0), check('key match', 0)],
  }),
  task({ agent: 'env_agent', wave: 1, status: 'running', attempts: 2, detail: 'step 2: execute_terminal_command' }),
  task({
    agent: 'database_agent',
    wave: 1,
    status: 'failed',
    attempts: 3,
    detail: 'the checks still fail, and this is the long story',
    checks: [check('migrations', 1)],
  }),
  task({ agent: 'proxy_agent', wave: 2, detail: 'no live worker', unserved_since: '2026-11-23T14:03:22.120Z' }),
  task({ agent: 'rag_agent', wave: 2, status: 'unverified', attempts: 1, steps: 1, duration_ms: 400 }),
]);

describe('the progress of a mission as lines', () => {
  test('one line a task by wave: waiting, running with its step, verified, failed with the failing check', () => {
    expect(frame(MIXED)).toEqual([
      `hello running  2/5 tasks  0:12  ${MISSION}`,
      ' wave 1  ✓ cert_agent      verified    0:02  3 steps  2/2 checks  playbook',
      '         ● env_agent       running     attempt 2  0:03  step 2: execute_terminal_command',
      '         ✗ database_agent  failed      attempt 3  ✗ migrations: exit 1',
      ' wave 2  · proxy_agent     waiting     no live worker for proxy_agent since 14:03:22Z (4 min); star…',
      '         ○ rag_agent       unverified  0:00  1 step  no checks',
    ]);
  });

  test('on a narrow terminal: name and status, then numbers; a task has its mark, and its time is whole', () => {
    expect(frame({ ...MIXED, tokens: 8_600 }, 40)).toEqual([
      'hello running',
      ' 2/5 tasks  0:12  8600 tokens',
      '1  ✓ cert_agent     0:02  3 steps  2/2 …',
      '   ● env_agent      attempt 2  0:03  st…',
      '   ✗ database_agent attempt 3  ✗ migrat…',
      '2  · proxy_agent    no live worker for …',
      '   ○ rag_agent      0:00  1 step  no ch…',
    ]);
  });

  test('a tainted task says so', () => {
    const tainted_by = [{ origin: 'workspace', detail: '', step: 1 }];
    const of = report([task({ agent: 'a', wave: 1, status: 'running', attempts: 1, detail: 'step 2', tainted_by })]);
    expect(frame(of)[1]).toBe(' wave 1  ● a  running     0:03  step 2  tainted');
  });

  test('a mission that is being planned has no tasks yet', () => {
    expect(frame(report([], { status: 'planning' }))).toEqual([`hello planning  0:12  ${MISSION}`]);
    expect(frame(report([], { status: 'waiting_for_approval' }))[0]).toContain('hello waiting for approval');
  });

  test('several tasks of an agent in a wave keep their numbers', () => {
    const shown = frame(
      report([
        task({ agent: 'cert_agent', wave: 1 }),
        task({ agent: 'cert_agent', wave: 1, task_id: 'deploy-cert_agent-wave1-2' }),
        task({ agent: 'hlidskjalf_agent', wave: 2, task_id: 'verify-hlidskjalf_agent-wave2' }),
      ]),
    );
    expect(shown[1]).toContain('cert_agent ');
    expect(shown[2]).toContain('cert_agent-2 ');
    expect(shown[3]).toContain('verify-hlidskjalf_agent ');
  });

  test('tokens and cost are shown once there are some', () => {
    expect(frame(report([], { tokens: 1200, cost_usd: 0.004 }))[0]).toContain('1200 tokens  <$0.01');
  });

  test.each([10, 20, 37, 80])('no line is wider than a terminal of %i columns', (columns) => {
    for (const line of progressFrame(MIXED, { columns, elapsedMs: 0, nowMs: 0, runningMs: () => 0 })) {
      expect(paint(line, columns, true).width).toBeLessThanOrEqual(columns);
    }
  });

  test('text from models cannot steer the terminal', () => {
    const shown = frame(
      report([task({ agent: 'cert_agent', wave: 1, status: 'failed', detail: 'a\u001b[2Jb\r\nc\u0007\u009b31m' })]),
    );
    expect(shown.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
});

describe('progress on a terminal', () => {
  const live = (columns = 80, rows = 24) => {
    const terminal = createTestTerminal(columns, rows);
    const clock = createFakeClock();
    return { terminal, clock, progress: createProgress({ output: terminal, clock, colors: true, live: true }) };
  };

  test('elapsed time continues between events', () => {
    const { terminal, clock, progress } = live();
    progress.onEvent(EVENT, MIXED);
    expect(terminal.screen()[0]).toContain('0:00');
    clock.advance(65_000);
    expect(terminal.screen()[0]).toContain('1:05');
    expect(terminal.screen()[2]).toContain('1:05  step 2');
    progress.stop('kept');
    expect(terminal.screen()).toHaveLength(6);
    expect(terminal.cursorVisible()).toBe(true);
  });

  test('nothing is left running after the end', () => {
    const { terminal, clock, progress } = live();
    progress.onEvent(EVENT, MIXED);
    progress.stop('kept');
    const writes = terminal.writes();
    clock.advance(10_000);
    terminal.resize(40, 10);
    clock.advance(10_000);
    expect(terminal.writes()).toBe(writes);
    expect(clock.pendingTimers()).toBe(0);
  });

  test('lines that the report replaces are erased', () => {
    const { terminal, progress } = live();
    progress.say('banner\n');
    progress.onEvent(EVENT, MIXED);
    progress.stop('replaced');
    expect(terminal.screen()).toEqual(['banner']);
  });

  test('a terminal too low for the tasks gets one line an event instead', () => {
    const { terminal, progress } = live(100, 5);
    progress.onEvent(EVENT, MIXED);
    expect(terminal.screen()).toEqual([`wave_started | orchestrator | ${MISSION} wave 1 | deploy-cert_agent-wave1`]);
  });

  test('there an event does not walk over the tasks; the next second does', () => {
    const { clock, progress } = live(100, 5);
    const walks = jest.fn(() => MIXED.tasks);
    const counted = Object.defineProperty({ ...MIXED }, 'tasks', { get: walks });
    progress.onEvent(EVENT, counted);
    const ofFirst = walks.mock.calls.length;
    for (let more = 0; more < 50; more += 1) progress.onEvent(EVENT, counted);
    expect(walks).toHaveBeenCalledTimes(ofFirst);
    clock.advance(1_000);
    expect(walks).toHaveBeenCalledTimes(2 * ofFirst);
    progress.stop('replaced');
  });

  test('once there is room again, the lines are drawn again', () => {
    const { terminal, clock, progress } = live(100, 5);
    progress.onEvent(EVENT, MIXED);
    terminal.resize(100, 24);
    clock.advance(1_000);
    expect(terminal.screen().at(-6)).toContain('hello running');
    progress.stop('replaced');
  });

  test('a log line stands above the lines', () => {
    const { terminal, progress } = live();
    progress.onEvent(EVENT, MIXED);
    progress.say('{"level":"warn"}\n');
    expect(terminal.screen()[0]).toBe('{"level":"warn"}');
    expect(terminal.screen()).toHaveLength(7);
  });

  test('after a drag to a narrower window one new frame is drawn, cut to the new width', () => {
    const { terminal, clock, progress } = live(80, 40);
    progress.onEvent(EVENT, MIXED);
    for (const columns of [70, 60, 50, 40]) terminal.resize(columns, 40);
    clock.advance(500);
    const headlines = terminal
      .text()
      .split('\n')
      .filter((line) => line.startsWith('hello running'));
    expect(headlines).toHaveLength(2);
    const narrow = terminal.text().split('\n').slice(-6);
    expect(narrow.every((line) => line.length < 40)).toBe(true);
  });
});

describe('progress without a terminal', () => {
  test('one plain line an event, without any escape sequence', () => {
    const terminal = createTestTerminal();
    const written: string[] = [];
    const clock = createFakeClock();
    const progress = createProgress({
      output: { ...terminal, isTerminal: false, write: (text) => written.push(text) },
      clock,
      colors: false,
      live: false,
    });
    progress.onEvent(EVENT, MIXED);
    progress.onEvent(event('wave_completed', { mission_id: MISSION, owner: 'o', wave_number: 1 }), MIXED);
    clock.advance(10_000);
    progress.stop('replaced');
    expect(written).toEqual([
      `wave_started | orchestrator | ${MISSION} wave 1 | deploy-cert_agent-wave1\n`,
      `wave_completed | orchestrator | ${MISSION} wave 1\n`,
    ]);
  });
});
