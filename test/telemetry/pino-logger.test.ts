import { createLogger } from '../../src/telemetry/pino-logger.js';

function capture(level: 'info' | 'silent' = 'info') {
  const lines: string[] = [];
  return { lines, logger: createLogger({ level, write: (line) => lines.push(line), bindings: { role: 'worker' } }) };
}

describe('the logger', () => {
  test('a line is one JSON document with level, time, bindings, fields and the stable event name', () => {
    const { lines, logger } = capture();
    logger
      .child({ agent: 'cert_agent' })
      .info({ task_id: 'deploy-cert_agent-wave1', duration_ms: 12 }, 'task.executed');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      role: 'worker',
      agent: 'cert_agent',
      task_id: 'deploy-cert_agent-wave1',
      duration_ms: 12,
      event: 'task.executed',
    });
  });

  test('lines below the level are not written', () => {
    const { lines, logger } = capture();
    logger.debug({}, 'partition.folded');
    expect(lines).toEqual([]);
  });

  test('silent writes nothing', () => {
    const { lines, logger } = capture('silent');
    logger.error({}, 'role.failed');
    expect(lines).toEqual([]);
  });

  test('an error is written with its message and stack', () => {
    const { lines, logger } = capture();
    logger.warn({ error: new Error('the broker is gone') }, 'role.failed');
    expect(JSON.parse(lines[0] ?? '').error).toMatchObject({
      type: 'Error',
      message: 'the broker is gone',
      stack: expect.any(String),
    });
  });
});
