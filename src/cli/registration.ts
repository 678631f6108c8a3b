/** How a command registers. Its code is loaded when it was typed: --help does not wait for a Kafka client. */
import { Option, type Command } from 'commander';
import type { CommandContext } from './context.js';
import { fileArgument, setArgument } from './input-arguments.js';
import type { SettingName } from './settings.js';

/** What a command does once it was read. Resolves with the exit code; that of sandbox exec may be any. */
export type Action = (context: CommandContext) => Promise<number>;

/** Takes the one action that was typed; defaults are settings' values of this command. */
export type Choose = (
  command: Command,
  action: Action,
  defaults?: Readonly<Partial<Record<SettingName, string>>>,
) => void;

/** Adds a command, with its flags and their checks. */
export type Register = (program: Command, choose: Choose) => void;

/** @param otherwise what holds without the flag */
export const onAskFlag = (otherwise: string): Option =>
  new Option(
    '--on-ask <what>',
    `what happens to a call that the policy asks about: wait for a person, or reject it (default: ${otherwise})`,
  ).choices(['wait', 'reject']);

/** How every command that takes a mission describes it. */
export const MISSION_WORDS = "a mission's id, a beginning of it that is unique, its name (the newest one), or last";

export const WORKSPACE_FLAG = [
  '--workspace <dir>',
  "the mission's workspace, instead of one below WORKSPACE_ROOT",
] as const;

export const JUNIT_FLAG = [
  '--junit <file>',
  'write the report as JUnit XML when the mission has ended, whatever its end',
] as const;

/** The flags of every command that reads a mission file. */
export const setFlag = (): Option =>
  new Option('--set <name=value>', 'an input of the mission file; may be given several times').argParser(setArgument);
export const inputsFlag = (): Option =>
  new Option(
    '--inputs <file>',
    'inputs of the mission file, as YAML or JSON; --set wins; may be given several times',
  ).argParser(fileArgument);
