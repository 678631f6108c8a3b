/** Programs of checks, and which of their words are paths. */
import type { Word } from './shell-words.js';

/** Programs that run the one behind their name and their options. */
export const RUNS_ANOTHER: ReadonlySet<string> = new Set(
  'command builtin exec env nohup nice time timeout xargs stdbuf setsid sudo'.split(' '),
);
/** Their first operand is a pattern or a program in their own language, unless an option gives it. */
export const PATTERN_FIRST: ReadonlySet<string> = new Set(
  'grep egrep fgrep zgrep rg ag sed awk gawk mawk jq yq tr'.split(' '),
);
export const NO_PATHS: ReadonlySet<string> = new Set(
  'echo printf true false : exit return sleep set unset export'.split(' '),
);
/** How many of the first words are names of a program's own: subcommands, scripts or targets. */
const OWN_NAMES: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'make gmake just rake ninja gradle gradlew mvn task nx docker-compose podman-compose'
      .split(' ')
      .map((name) => [name, Infinity]),
  ),
  ...Object.fromEntries(
    (
      'npx go cargo git docker podman kubectl deno dotnet terraform helm openssl pip ' +
      'poetry uv bundle gem composer npm pnpm yarn bun'
    )
      .split(' ')
      .map((name) => [name, 1]),
  ),
};
/** First words after which more names follow, such as npm run build; those of compose are its services. */
const MORE_NAMES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ...Object.fromEntries(
    'npm pnpm yarn bun'.split(' ').map((name) => [name, { run: 1, 'run-script': 1, exec: 1, dlx: 1, workspace: 2 }]),
  ),
  ...Object.fromEntries(['docker', 'podman'].map((name) => [name, { compose: Infinity }])),
};
/** Their value is the place where the program works, not what it reads. */
export const PLACE_OPTIONS: ReadonlySet<string> = new Set(['-C', '--prefix', '--cwd', '--directory', '--workdir']);
/** find: their value is a pattern for names. */
export const NAME_OPTIONS: ReadonlySet<string> = new Set('-name -iname -path -ipath -regex -newer'.split(' '));

/** How many of a program's first operands are no paths. */
export function ownNamesOf(name: string, args: readonly Word[]): number {
  const first = args.find(({ text }) => !text.startsWith('-'))?.text ?? '';
  const more = MORE_NAMES[name];
  return (OWN_NAMES[name] ?? 0) + (more !== undefined && Object.hasOwn(more, first) ? (more[first] ?? 0) : 0);
}
