import { FUNCTION_LIMIT, LINE_LIMIT } from './measure.mjs';

/**
 * The functions of src that may be longer than the limit, at most five, by file and name; each with its reason.
 * @type {readonly { file: string, name: string, reason: string }[]}
 */
const LONG_FUNCTIONS = [];
const MOST_LONG_FUNCTIONS = 5;

/**
 * What the figures allow no more; one line each.
 * @param {import('./measure.mjs').Figures} figures
 * @param {readonly { file: string, name: string, reason: string }[]} allowed
 * @returns {string[]}
 */
export function faultsOf({ folders, cycles }, allowed = LONG_FUNCTIONS) {
  const long = folders.filter(({ folder }) => folder === 'src').flatMap(({ longFunctions }) => longFunctions);
  const is = (one) => (other) => one.file === other.file && one.name === other.name;
  return [
    ...cycles.map((cycle) => `import cycle: ${cycle.join(', ')}`),
    ...long
      .filter((one) => !allowed.some(is(one)))
      .map(({ file, line, name, lines }) => `${file}:${line}: ${name} has ${lines} lines, more than ${FUNCTION_LIMIT}`),
    ...allowed
      .filter((one) => !long.some(is(one)))
      .map(({ file, name }) => `${file}: ${name} is short enough now; take it out of scripts/figures/limits.mjs`),
    ...(allowed.length > MOST_LONG_FUNCTIONS
      ? [`${allowed.length} long functions are allowed; at most five can be`]
      : []),
    ...folders
      .flatMap(({ longLines }) => longLines)
      .map(({ file, line, length }) => `${file}:${line}: ${length} characters, more than ${LINE_LIMIT}`),
  ];
}
