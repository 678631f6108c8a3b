import { logText } from '../../src/cli/log-text.js';
import { createLogger } from '../../src/telemetry/pino-logger.js';

/** What the logger writes, as text. The time is the local one. */
function shown(use: (logger: ReturnType<typeof createLogger>) => void, colors = false): string {
  let text = '';
  use(createLogger({ level: 'debug', write: (line) => void (text += logText(line, colors)) }));
  return text;
}

describe('log lines on a terminal', () => {
  test('have local time, level, role, event and fields; what is the same in all lines is left out', () => {
    const text = shown((logger) =>
      logger
        .child({ role: 'worker', process: 'worker-host-1-ab12' })
        .info({ topic: 'ravenhelm.squad.tasks.cert_agent', partitions: '0-5', held: 6 }, 'partitions.held'),
    );
    const [time = '', ...rest] = text.split(' ');
    expect(time).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(rest.join(' ')).toBe(
      'INFO  worker: partitions.held topic=ravenhelm.squad.tasks.cert_agent partitions=0-5 held=6\n',
    );
    const [hours] = text.split(':');
    expect(Number(hours)).toBe(new Date().getHours());
  });

  test('quote values with spaces and show lists and objects as JSON', () => {
    const text = shown((logger) => logger.warn({ why: 'the broker is gone', list: [1, 2], none: null }, 'a.b'));
    expect(text).toContain('WARN  a.b why="the broker is gone" list=[1,2] none=null\n');
  });

  test('show an error by message and code, and its stack only where the line is an error', () => {
    const error = Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' });
    const warned = shown((logger) => logger.warn({ err: error }, 'status.not_sent'));
    expect(warned).toContain('err="no route (EHOSTUNREACH)"\n');
    expect(warned.split('\n')).toHaveLength(2);
    const failed = shown((logger) => logger.error({ error }, 'role.failed'));
    expect(failed.split('\n')[1]).toMatch(/^ {4}at /);
  });

  test('hold no control character of foreign text, also in names', () => {
    const text = shown((logger) => logger.info({ 'a\u001b[2J': 'b\u001b]0;x\u0007 c' }, 'foreign\u001b[31m'));
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  test('are coloured by level, and only where that is wanted', () => {
    expect(shown((logger) => logger.error({}, 'x'), true)).toContain('\u001b[31mERROR');
    expect(shown((logger) => logger.error({}, 'x'))).not.toContain('\u001b');
  });

  test('of other programs stay as they are', () => {
    expect(logText('plain words\n', false)).toBe('plain words\n');
    expect(logText('{"level":30}\n', false)).toBe('{"level":30}\n');
  });
});
