import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checksOf, commandOf, createUser, digestOf, shownLines, type Ended, type User } from './example.js';
import { finish, startScriptedModel, type Script } from './scripted-model.js';

const MODEL = 'ollama:qwen3:8b';

export interface ExampleTests {
  /** Whether its playbooks carry it out without a model. */
  readonly withoutModel: boolean;
  readonly tasks: number;
  /** Files that the mission makes. */
  readonly makes: readonly string[];
  readonly right: Script;
  /** What a model does wrongly, by a sentence; and the check, or the code in the task's detail, that finds it. */
  readonly wrong: Readonly<Record<string, { readonly script: Script; readonly found: string }>>;
}

/** Runs the command of an example's README as a user does, with right, wrong and no models. */
export function describeExample(name: string, { withoutModel, tasks, makes, right, wrong }: ExampleTests): void {
  describe(`examples/${name}`, () => {
    const files = digestOf(name);
    const users: User[] = [];
    const command = commandOf(name);

    afterEach(async () => {
      for (const user of users.splice(0)) await user.remove();
      expect(digestOf(name)).toBe(files);
    });

    async function newUser(env?: Readonly<Record<string, string>>): Promise<User> {
      const user = await createUser(env);
      users.push(user);
      return user;
    }

    /** The command with a model that follows the script, and what it leaves. */
    async function runWith(script: Script, flags: string) {
      const server = await startScriptedModel(script);
      try {
        const user = await newUser({ OLLAMA_HOST: server.url });
        const ended = await user.shell(`${command} ${flags} --junit ${user.path('junit.xml')}`);
        if (ended.stdout === '') throw new Error(`it ended with ${ended.code} and said: ${ended.stderr}`);
        return { ...ended, notPassed: user.notPassed('junit.xml'), user };
      } finally {
        await server.close();
      }
    }

    /** What a run in which everything is verified leaves, and what the README says that it prints. */
    function requireVerified({ code, stdout, stderr }: Ended, user: User): void {
      expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
      expect(stdout).toMatch(new RegExp(`^${name} completed; ${tasks} of ${tasks} tasks verified  [\\w-]+$`, 'm'));
      for (const line of shownLines(name)) expect(stdout).toMatch(line);
      expect(user.notPassed('junit.xml')).toEqual([]);
      for (const made of makes) expect([made, existsSync(join(user.copy(), made))]).toEqual([made, true]);
    }

    test('each of its checks fails on the project as it is', async () => {
      const user = await newUser();
      const checks = await checksOf(name);
      expect(checks.length).toBeGreaterThan(0);
      const calls = checks.map(({ command }) => ({ tool: 'execute_terminal_command', arguments: { command } }));
      const { code, stdout, stderr } = await user.shell(
        `dir=$(sh examples/copy.sh ${name}) && npx ravenhelm sandbox tool --workspace "$dir" --json -`,
        calls.map((call) => `${JSON.stringify(call)}\n`).join(''),
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
      const outcomes: readonly { outcome: string; exit_code: number }[] = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(outcomes).toHaveLength(checks.length);
      const passed = checks.filter((_, index) => outcomes[index]?.exit_code === 0).map((check) => check.name);
      expect(passed).toEqual([]);
      // They ran: none was refused, and none has lacked its program.
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(outcomes.map(() => 'error'));
      expect(outcomes.filter(({ exit_code }) => exit_code > 125)).toEqual([]);
    });

    if (withoutModel) {
      test('without a model its playbooks do it, and each task is verified', async () => {
        const user = await newUser();
        requireVerified(await user.shell(`${command} --junit ${user.path('junit.xml')}`), user);
      });

      test('with a model that only says that it is done, the playbooks behind it do it', async () => {
        const claims = new Proxy<Script>({}, { get: () => [finish('It is done, and verified.')] });
        const { user, ...ended } = await runWith(claims, '');
        requireVerified(ended, user);
      });

      test('with a model that works properly each task is verified without a playbook', async () => {
        const { code, stdout, notPassed } = await runWith(right, `--models ${MODEL} --json`);
        const report = JSON.parse(stdout);
        expect({ code, tasks: report.tasks }).toMatchObject({ code: 0 });
        expect(report).toMatchObject({ status: 'completed', proof: { tasks, verified: tasks, held_before: 0 } });
        expect(report.tasks.slice(0, tasks).map((task: { model: string }) => task.model)).toEqual(
          Array(tasks).fill(MODEL),
        );
        expect(report.success.map((check: { exit_code: number }) => check.exit_code)).toEqual([0]);
        expect(notPassed).toEqual([]);
      });
    } else {
      test('without a model a warning names the tasks that need one, and the mission fails', async () => {
        const user = await newUser();
        const { code, stdout, stderr } = await user.shell(command);
        expect(stderr).toMatch(/^warning: no model here can do deploy-\w+-wave1.*: no playbook is named/);
        expect(stdout).toMatch(new RegExp(`^${name} failed; 0 of ${tasks} tasks verified  [\\w-]+$`, 'm'));
        expect(code).toBe(1);
      });

      test('with a model that works properly each task is verified', async () => {
        const { user, ...ended } = await runWith(right, '');
        requireVerified(ended, user);
      });
    }

    test.each(Object.entries(wrong))('%s: the mission fails, and says why', async (_, { script, found }) => {
      const { code, stdout, notPassed } = await runWith(script, `--models ${MODEL} --json`);
      const report = JSON.parse(stdout);
      expect({ code, status: report.status }).toEqual({ code: 1, status: 'failed' });
      const failed = report.tasks.filter((task: { status: string }) => task.status === 'failed');
      expect(failed.map((task: { detail: string }) => task.detail).join('\n')).toContain(found);
      expect(report.proof.verified).toBeLessThan(tasks);
      expect(notPassed).toContain(`${name} mission failure`);
    });
  });
}
