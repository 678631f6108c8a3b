/** The personalities by name. Each name is also the name of a model on the scripted server. */
import { finish, run, step, type Personality, type ToolCall } from './personality.js';

/** What it does when it works properly: the solution, then finish. */
const proper = (done: number, solution: string): ToolCall => (done === 0 ? run(solution) : finish);

const text = (said: string) => ({ kind: 'text', text: said }) as const;

/** Does the task in the form that was asked for. */
const perfect: Personality = ({ done, knows }) => text(step(proper(done, knows.solution)));

/** Does the task; its replies are almost JSON, another way each time. */
const sloppy: Personality = ({ done, rejected, knows }) => {
  const call = proper(done, knows.solution);
  const ways: readonly ((call: ToolCall) => string)[] = [
    (each) => `Sure! Here is the next step:\n\n\`\`\`json\n${step(each)}\n\`\`\`\nLet me know how it went.`,
    (each) => `<think>\nThe user wants a step {not this}.\n</think>\n${step(each)}`,
    (each) => step(each).replace(/\}\}$/, ',}}'),
    (each) => JSON.stringify({ name: each.name, arguments: JSON.stringify(each.arguments) }),
  ];
  const way = ways[(done * 2 + rejected + knows.solution.length) % ways.length] ?? step;
  return text(way(call));
};

/** Does the task with tool calls in the API's own form, whatever form was asked for. */
const native: Personality = ({ done, knows }) => ({
  kind: 'calls',
  text: done === 0 ? 'I run a command.' : '',
  calls: [proper(done, knows.solution)],
});

/** Forgets the thought, then an argument, then half of the task; it succeeds when the refusal names what is missing. */
const forgetful: Personality = ({ done, rejected, knows }) => {
  if (done === 0 && rejected === 0)
    return text(JSON.stringify({ action: { tool: 'execute_terminal_command', arguments: {} } }));
  if (done === 0)
    return text(JSON.stringify({ tool: 'execute_terminal_command', arguments: { command: knows.wrong } }));
  if (done === 1) return text(step(finish));
  return text(step(done === 2 ? run(knows.solution) : finish));
};

/** Says that it is done and does nothing. */
const overconfident: Personality = () => text(step(finish, 'This is already done.'));

/** Writes and writes. */
const slow: Personality = () => ({ kind: 'endless' });

/** Looks around without end. */
const looping: Personality = () => text(step(run('ls -la')));

/** Satisfies the checks against the brief where it can: by changing a test, or what must be kept. */
const cheating: Personality = ({ done, knows }) => text(step(proper(done, knows.cheat)));

/** Starts with a reply that is cut at the token limit; a shorter one follows the refusal. */
const wordy: Personality = ({ done, rejected, knows }) =>
  rejected === 0 && done === 0
    ? {
        kind: 'text',
        text: step(run(knows.solution), 'Let me explain at length. '.repeat(20)).slice(0, 400),
        cut: true,
      }
    : text(step(proper(done, knows.solution)));

export const PERSONALITIES: Readonly<Record<string, Personality>> = {
  perfect,
  sloppy,
  native,
  forgetful,
  overconfident,
  slow,
  looping,
  cheating,
  wordy,
};
