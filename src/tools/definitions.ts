import { z } from 'zod';
import { SIZES } from '../domain/sizes.js';
import { COMMAND_TOOL, type ToolDefinition } from '../ports/tools.js';
import { jsonBytes } from './truncate.js';

/** Linux limits a single argument to 128 KiB. */
const MAX_COMMAND_BYTES = 100_000;
const withoutNul = (text: string) => !text.includes('\0');
const path = z
  .string()
  .max(4096)
  .refine(withoutNul, 'must not contain a NUL byte')
  // Calls in tags are often laid out on lines that do not belong to the value.
  .refine((text) => !/[\r\n]/.test(text), 'must not have a line break in it');

export const commandArguments = z.strictObject({
  command: z
    .string()
    .min(1)
    .refine(
      (text) => Buffer.byteLength(text) <= MAX_COMMAND_BYTES,
      `must not be longer than ${MAX_COMMAND_BYTES} bytes; write a script to the workspace and run that`,
    )
    .refine(withoutNul, 'must not contain a NUL byte')
    .describe('Shell command, run by sh.'),
  working_dir: path.default('.').describe('Directory of the workspace to run it in; the workspace itself by default.'),
  timeout: z.number().positive().max(3600).default(300).describe('Seconds after which the command is killed.'),
});

export const readArguments = z.strictObject({
  path: path.describe('File of the workspace, or one of /outputs.'),
  start_line: z.int().min(1).default(1).describe('First line, from 1.'),
  end_line: z.int().min(1).nullable().default(null).describe('Last line, included; null is the end of the file.'),
});

export const writeArguments = z.strictObject({
  path: path.describe('File of the workspace; missing directories are created.'),
  content: z
    .string()
    .refine(
      (text) => jsonBytes(text) <= SIZES.content,
      `must not be longer than ${SIZES.content} bytes in JSON; ` +
        'write it in parts: the first with mode overwrite, each further one with mode append',
    )
    .describe(`At most ${SIZES.content} bytes in JSON; write a longer file in parts with mode append.`),
  mode: z.enum(['overwrite', 'append']).default('overwrite'),
});

export const listArguments = z.strictObject({
  path: path.default('.').describe('Directory of the workspace, or /outputs.'),
});

export type CommandArguments = z.output<typeof commandArguments>;
export type ReadArguments = z.output<typeof readArguments>;
export type WriteArguments = z.output<typeof writeArguments>;
export type ListArguments = z.output<typeof listArguments>;

export const COMMAND = COMMAND_TOOL;
export const READ = 'workspace_read';
export const WRITE = 'workspace_write';
export const LIST = 'workspace_list';

/** The four tools, in the order in which models see them. */
export const TOOL_DEFINITIONS: readonly ToolDefinition[] = [
  define(
    COMMAND,
    'Runs a shell command in the workspace, without network unless hosts are named below. ' +
      'Gives {command, exit_code, stdout, stderr, success}. A good call does one thing, asks nothing, and prints ' +
      'little: {"command": "npm test 2>&1 | tail -n 40", "timeout": 120}. Long output is cut in the middle; ' +
      'all of it is in /outputs. Background processes end with the command.',
    commandArguments,
    () => false,
  ),
  define(
    READ,
    'Reads lines of a text file. Gives {path, start_line, end_line, total_lines, content}. ' +
      'A good call reads the lines that you need: {"path": "src/app.js", "start_line": 1, "end_line": 80}.',
    readArguments,
    () => true,
  ),
  define(
    WRITE,
    'Writes a text file: overwrite (default) replaces it, append adds to its end. ' +
      'Gives {path, mode, bytes, success}. A good call has the whole content, nothing left out: ' +
      '{"path": "etc/app.conf", "content": "port=8080\\n"}.',
    writeArguments,
    (args) => args['mode'] !== 'append',
  ),
  define(
    LIST,
    'Lists a directory. Gives {path, entries: [{name, type, bytes}], truncated}. ' +
      'A good call names the directory that you look for something in: {"path": "src"}.',
    listArguments,
    () => true,
  ),
];

function define(
  name: string,
  description: string,
  schema: z.ZodType,
  idempotent: ToolDefinition['idempotent'],
): ToolDefinition {
  const { $schema: _, ...parameters } = z.toJSONSchema(schema, { io: 'input' });
  return {
    name,
    description,
    parameters,
    idempotent,
    validate(args) {
      const parsed = schema.safeParse(args);
      return parsed.success
        ? null
        : parsed.error.issues.map((issue) => `${issue.path.join('.') || 'arguments'}: ${issue.message}`).join('; ');
    },
  };
}
