/** A tool call as acts. */
import { COMMAND_TOOL } from '../ports/tools.js';
import { posix } from 'node:path';
import { WORKSPACE_MOUNT } from '../domain/workspace-path.js';
import type { ProposedCall } from '../ports/policy.js';
import type { Access, ReadCall } from './acts.js';
import { hiddenCharacter } from './hidden-characters.js';
import { MOST_COMMANDS, MOST_PATH_CHARACTERS, readScript, type Findings } from './shell/read-script.js';

/** What the file tools do with the argument path. */
const FILE_TOOLS: Readonly<Record<string, Access>> = {
  workspace_read: 'read',
  workspace_list: 'read',
  workspace_write: 'write',
};

export const HIDDEN_RULE = 'hidden-characters';
export const TOO_MANY_RULE = 'too-many-commands';

export function readCall({ tool, arguments: args }: Pick<ProposedCall, 'tool' | 'arguments'>): ReadCall {
  if (tool === COMMAND_TOOL) return readCommand(textOf(args['command']), textOf(args['working_dir']));
  const access = Object.hasOwn(FILE_TOOLS, tool) ? FILE_TOOLS[tool] : undefined;
  const path = textOf(args['path']);
  const hidden = hiddenCharacter(path);
  const paths = access === undefined ? [] : [{ path: posix.resolve(WORKSPACE_MOUNT, path), access }];
  return {
    acts: [{ words: null, paths, hosts: [], counts: true }],
    unclear: [],
    refused: hidden === null ? null : { rule: HIDDEN_RULE, reason: `the path contains ${hidden}` },
  };
}

function readCommand(command: string, workingDir: string): ReadCall {
  const hidden = hiddenCharacter(command) ?? hiddenCharacter(workingDir);
  const found: Findings = {
    acts: [],
    unclear: new Set(),
    commands: 0,
    directories: new Set(),
    pathCharacters: 0,
    maybeCharacters: 0,
  };
  try {
    readScript(command, posix.resolve(WORKSPACE_MOUNT, workingDir), found);
  } catch (error) {
    // The parser's stack, for thousands of brackets inside one another.
    if (!(error instanceof RangeError)) throw error;
    found.unclear.add('it is nested too deeply');
  }
  return {
    // Comments and blanks do nothing; the default decides about the call.
    acts: found.acts.length === 0 ? [{ words: null, paths: [], hosts: [], counts: true }] : found.acts,
    unclear: [...found.unclear],
    refused:
      hidden === null
        ? tooMany(found)
        : { rule: HIDDEN_RULE, reason: `the command contains ${hidden}, which does not show` },
  };
}

function tooMany({ commands, pathCharacters }: Findings): ReadCall['refused'] {
  const what =
    commands > MOST_COMMANDS
      ? `has more than ${MOST_COMMANDS} commands`
      : pathCharacters > MOST_PATH_CHARACTERS
        ? 'names too many files'
        : null;
  if (what === null) return null;
  return { rule: TOO_MANY_RULE, reason: `it ${what}; write a script to the workspace and run that` };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
