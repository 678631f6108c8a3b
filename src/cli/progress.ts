import type { AgentEvent } from '../domain/events.js';
import type { MissionReport } from '../domain/report.js';
import type { Clock, Timer } from '../ports/clock.js';
import { eventLine } from './event-line.js';
import type { Output } from './host.js';
import { paint } from './paint.js';
import { progressFrame } from './progress-frame.js';
import { createScreen } from './screen.js';

/** Shows how a mission goes. */
export interface Progress {
  /** After each event of the mission. Reads the report only where it draws it. */
  onEvent(event: AgentEvent, report: MissionReport): void;
  /** Writes text that stays, such as a log line, without tearing the lines below it. Ends in a line break. */
  say(text: string): void;
  /** Takes redrawn lines away, for a question to the person; the function that it returns brings them back. */
  hold(): () => void;
  /** Ends it. replaced: what follows says the same again, so the lines are erased; kept: they stay. */
  stop(end: 'replaced' | 'kept'): void;
}

export interface ProgressOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly colors: boolean;
  /** Redrawn lines; otherwise one plain line an event. */
  readonly live: boolean;
}

const TICK_MS = 1_000;
/** A drag of the window's edge gives many sizes; only the last one is drawn. */
const RESIZE_SETTLE_MS = 150;

export function createProgress(options: ProgressOptions): Progress {
  return options.live ? createLiveProgress(options) : createPlainProgress(options.output);
}

/** Text for a screen without redrawing: one line an event. */
function createPlainProgress(output: Output): Progress {
  return {
    onEvent: (event) => output.write(`${eventLine(event)}\n`),
    say: (text) => output.write(text),
    hold: () => () => undefined,
    stop: () => undefined,
  };
}

function createLiveProgress({ output, clock, colors }: ProgressOptions): Progress {
  const screen = createScreen(output);
  const startedMs = clock.monotonicMs();
  const runningSince = new Map<string, number>();
  let report: MissionReport | null = null;
  let settling: Timer | null = null;
  let held = 0;
  /** Whether the last frame fitted. More tasks than rows are walked over at a tick only, not for each event. */
  let fits = true;

  const runningMs = (taskId: string) => clock.monotonicMs() - (runningSince.get(taskId) ?? clock.monotonicMs());
  const isStill = () => settling !== null || held > 0;
  /** False when the lines do not fit the terminal's height. */
  const redraw = (): boolean => {
    if (report === null || isStill()) return true;
    rememberRunning(report, runningSince, clock.monotonicMs());
    const { columns } = output.size();
    const elapsedMs = clock.monotonicMs() - startedMs;
    const frame = progressFrame(report, { columns, runningMs, elapsedMs, nowMs: clock.now() });
    fits = screen.draw(frame.map((line) => paint(line, columns - 1, colors)));
    return fits;
  };
  const stopResize = output.onResize(() => {
    screen.resized();
    settling?.cancel();
    settling = clock.setTimer(RESIZE_SETTLE_MS, () => {
      settling = null;
      redraw();
    });
  });
  const stopTicks = eachTick(clock, redraw);

  return {
    onEvent(event, next) {
      report = next;
      if (isStill() || (fits && redraw())) return;
      // Too many tasks for the height: one line an event, below the last lines that fitted.
      screen.keep();
      output.write(`${eventLine(event)}\n`);
    },
    say: (text) => screen.above(text),
    hold() {
      screen.clear();
      screen.close();
      held += 1;
      return () => void ((held -= 1), redraw());
    },
    stop(end) {
      stopTicks();
      settling?.cancel();
      settling = null;
      stopResize();
      held = 0;
      if (end === 'kept') redraw();
      else screen.clear();
      screen.close();
    },
  };
}

/** Returns how to stop. */
function eachTick(clock: Clock, run: () => void): () => void {
  let timer: Timer;
  const arm = () => {
    timer = clock.setTimer(TICK_MS, () => {
      run();
      arm();
    });
  };
  arm();
  return () => timer.cancel();
}

function rememberRunning(report: MissionReport, runningSince: Map<string, number>, nowMs: number): void {
  for (const task of report.tasks) {
    if (task.status !== 'running') runningSince.delete(task.task_id);
    else if (!runningSince.has(task.task_id)) runningSince.set(task.task_id, nowMs);
  }
}
