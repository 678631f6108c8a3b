import { randomUUID } from 'node:crypto';
import { until } from '../contract/until.js';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createKafkaProxy } from '../support/kafka-proxy.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, startInPipe } from './support/ravenhelm.js';

/** The commands that meet a running swarm, as processes on the real broker. */
describeWithBroker('the command line on Kafka', () => {
  let clone: TestClone;
  let env: Readonly<Record<string, string>>;
  let swarm: ReturnType<typeof startInPipe>[];

  const rh = (...args: string[]) => runInPipe(clone, args, env);
  const submit = async (mission: string): Promise<string> =>
    (await rh('submit', `missions/${mission}.yaml`)).stdout.trim();

  beforeAll(async () => {
    clone = await createTestClone();
    const { brokers, registryUrl } = testBroker();
    env = {
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      RAVENHELM_PREFIX: `cli.${randomUUID().slice(0, 8)}`,
      KAFKA_SESSION_TIMEOUT_MS: '6000',
    };
    await rh('init');
    swarm = [startInPipe(clone, ['--role', 'orchestrator'], env), startInPipe(clone, ['--role', 'worker'], env)];
    await Promise.all(swarm.map((role) => role.shows('role.serving')));
  }, 120_000);

  afterAll(async () => {
    for (const role of swarm) role.child.kill('SIGTERM');
    const codes = (await Promise.all(swarm.map((role) => role.ended()))).map(({ code }) => code);
    await clone.remove();
    expect(codes).toEqual([0, 0]); // being stopped is a role's good end
  }, 180_000);

  test('init lists the topics, and again finds nothing to do', async () => {
    const { code, stdout } = await rh('init', '--json');
    expect(code).toBe(0);
    const prefix = env['RAVENHELM_PREFIX'] ?? '';
    expect(JSON.parse(stdout)).toEqual({
      topics: [
        `${prefix}.coordination`,
        `${prefix}.tasks.first_agent`,
        `${prefix}.tasks.second_agent`,
        `${prefix}.status`,
        `${prefix}.dead-letters`,
      ],
      differences: [],
    });
  });

  test('submit --wait --json prints the report of a mission that the running swarm carried out', async () => {
    const { code, stdout } = await rh('submit', 'missions/quick.yaml', '--wait', '--json');
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ name: 'quick-mission', status: 'completed', ended_at: expect.any(String) });

    const status = await rh('status', report.mission_id, '--json');
    expect(JSON.parse(status.stdout)).toEqual({ ...report, waiting_plan: null });

    const story = await rh('watch', report.mission_id);
    expect(story.code).toBe(0);
    const types = story.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' | ')[0]);
    expect(types[0]).toBe('mission_requested');
    expect(types.at(-1)).toBe('mission_completed');
    expect(story.stdout).toMatch(/^task_assigned \| orchestrator → first_agent \| deploy-first_agent-wave1$/m);
  });

  test('submit --wait ends with 1 when the mission failed, and so does watching it', async () => {
    const { code, stdout } = await rh('submit', 'missions/wrong.yaml', '--wait', '--json');
    expect(code).toBe(1);
    expect((await rh('watch', JSON.parse(stdout).mission_id)).code).toBe(1);
  });

  describe('show', () => {
    let missionId: string;
    beforeAll(async () => {
      missionId = JSON.parse((await rh('submit', 'missions/loud.yaml', '--wait', '--json')).stdout).mission_id;
    }, 180_000);

    test('prints each step with its command, output, model and checks', async () => {
      const { code, stdout } = await rh('show', missionId);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^deploy-first_agent-wave1 {2}attempt 1 {2}failed {2}first_agent$/m);
      expect(stdout).toMatch(/^ {2}step 2 {2}execute_terminal_command {2}ok, exit code 0, (?:\d+ m|\d+\.\d )s$/m);
      expect(stdout).toMatch(/^ {4}command: seq 1 5000; printf/m);
      expect(stdout).toMatch(/^ {4}playbook, 0 \+ 0 tokens, \$0\.00/m);
      expect(stdout).toMatch(/^ {4}✗ loud is there {2}exit code 1, .*: test -f nowhere\.txt$/m);
      expect(stdout).toMatch(/lines left out; --output shows them$/m);
      expect(stdout).not.toMatch(/^ {6}2500$/m);
      expect(stdout).not.toContain('\u001b'); // a command's output does not steer the terminal
      expect(stdout).not.toContain('second_agent'); // it was not assigned
    });

    test('--output prints the whole output, which the journal has only in part', async () => {
      const { stdout } = await rh('show', missionId, 'first_agent', '--step', '2', '--output');
      const printed = stdout.split('\n').filter((line) => /^ {6}\d+$/.test(line));
      expect(printed.map(Number)).toEqual(Array.from({ length: 5000 }, (_, index) => index + 1));
    });

    test('--json prints one object for each attempt', async () => {
      const { stdout } = await rh('show', missionId, 'deploy-first_agent-wave1', '--attempt', '1', '--json');
      const reports = stdout.trim().split('\n');
      expect(reports).toHaveLength(1);
      expect(JSON.parse(reports[0] ?? '')).toMatchObject({
        mission_id: missionId,
        task_id: 'deploy-first_agent-wave1',
        attempt: 1,
        status: 'failed',
        error: { code: expect.any(String) },
        steps: [
          { step: 1, tool: 'execute_terminal_command', outcome: { kind: 'error', exit_code: 1 } }, // already done?
          { step: 2, tool: 'execute_terminal_command', model: 'playbook', outcome: { kind: 'ok', exit_code: 0 } },
          { step: 3, tool: 'finish', outcome: { checks: [{ name: 'loud is there', exit_code: 1 }] } },
        ],
      });
    });

    test.each([
      [['frist_agent'], /no task frist_agent/],
      [['first_agent', '--attempt', '7'], /has no attempt 7/],
      [['first_agent', '--step', '70'], /no attempt has a step 70/],
      [['first_agent', '--step', '0'], /whole number from 1/],
    ])('%j is wrong use', async (args, words) => {
      const { code, stderr } = await rh('show', missionId, ...args);
      expect(stderr).toMatch(words);
      expect(code).toBe(2);
    });
  });

  test('a mission that waits for approval runs after approve', async () => {
    const waited = startInPipe(clone, ['submit', 'missions/asks.yaml', '--wait', '--json'], env);
    await waited.shows('The plan waits for an answer');
    const [missionId = ''] =
      /\d{8}-\d{6}-\d{3}-p\d+-[a-z0-9]{4}/.exec(
        (await rh('status')).stdout.split('\n').find((line) => line.includes('waiting for approval')) ?? '',
      ) ?? [];
    const asked = (await rh('status', missionId)).stdout;
    expect(asked).toContain('wave 2\n  deploy-second_agent-wave2: Write.');
    expect(asked).toContain(`npx ravenhelm approve ${missionId} --revision 1`);
    const [, digest = ''] = /revision 1, sha256 ([\da-f]{64})/.exec(asked) ?? [];
    expect(digest).not.toBe('');
    const place = { revision: 1, plan_digest: digest };
    expect(JSON.parse((await rh('status', missionId, '--json')).stdout)).toMatchObject({ waiting_plan: place });
    for (const words of [['show'], ['approvals', 'show']])
      expect((await rh(...words, missionId)).stdout).toContain(`revision 1, sha256 ${digest}`);
    expect(JSON.parse((await rh('approvals', 'show', missionId, '--json')).stdout)).toMatchObject(place);
    const beside = await rh('run', 'missions/quick.yaml', '--json');
    expect(beside.stderr).toMatch(
      new RegExp(
        `continues \\d+ earlier missions?, too: .*${missionId} \\(quick-mission\\).*; ` +
          'stop one with npx ravenhelm cancel ID',
      ),
    );
    await waited.shows(`sha256 ${digest}`);
    expect(await rh('approve', missionId, '--revision', '1')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`revision 1, plan ${digest.slice(0, 12)}`),
    });
    expect(await rh('approvals', 'show', missionId)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has no plan that waits'),
    });
    const { code, stdout } = await waited.ended();
    expect(code).toBe(0);
    expect(JSON.parse(stdout).mission_id).toBe(missionId);
    expect(await rh('approve', missionId)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has already ended: completed'),
    });
  });

  test('a mission that uses up its budget says so in watch, status and show', async () => {
    const missionId = await submit('short');
    const story = await rh('watch', missionId);
    expect(story.code).toBe(1);
    const said = story.stdout.split('\n').filter((line) => line.startsWith('budget_used'));
    // On a busy computer both may be passed in one step.
    expect(said.at(-1)).toBe(`budget_used | orchestrator | ${missionId} | 95 % of 0.05 minutes is used`);
    expect(said.length).toBeLessThanOrEqual(2);
    expect((await rh('status', missionId)).stdout).toMatch(/^used: 95 % of 0.05 minutes$/m);
    expect((await rh('show', missionId)).stdout).toMatch(/^used: 95 % of 0.05 minutes$/m);
    const { budget_used } = JSON.parse((await rh('status', missionId, '--json')).stdout);
    expect(budget_used).toMatchObject([{ budget: 'minutes', percent: 95, limit: 0.05 }]);
  });

  test('a mission is paused, given a larger budget and resumed; status and show say who paused it', async () => {
    const workspace = join(clone.dir, 'paused');
    const missionId = (await rh('submit', 'missions/gated.yaml', '--workspace', 'paused')).stdout.trim();
    await until('its first step to run', () => existsSync(join(workspace, 'first_agent.started')));
    expect(await rh('pause', missionId, '--reason', 'lunch')).toMatchObject({
      code: 0,
      stdout: `paused: ${missionId}\n`,
    });
    await writeFile(join(workspace, 'go'), '');
    await until('that step to end', () => existsSync(join(workspace, 'first_agent.gated')));
    expect((await rh('status', missionId)).stdout).toMatch(/paused by .* at 20.*: lunch/);
    expect((await rh('show', missionId)).stdout).toMatch(/^paused by .*: lunch$/m);
    expect(await rh('pause', missionId)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is paused already'),
    });
    expect(await rh('budget', missionId)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no limit is named'),
    });
    expect(await rh('budget', missionId, '--usd', '5')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('+N'),
    });
    expect(await rh('budget', missionId, '--usd', '+1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has no limit of usd that could be raised'),
    });
    expect((await rh('budget', missionId, '--usd', '=1')).code).toBe(0);
    expect((await rh('resume', missionId)).code).toBe(0);
    expect((await rh('watch', missionId)).code).toBe(0);
    expect(JSON.parse((await rh('status', missionId, '--json')).stdout)).toMatchObject({
      status: 'completed',
      pause: null,
      budget: { usd: 1, tokens: null, minutes: null },
    });
    expect(await rh('pause', missionId)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has already ended: completed'),
    });
  });

  describe('calls that wait for a person', () => {
    /** A separate prefix, whose worker has a policy that asks, and where answers must be signed. */
    let own: Readonly<Record<string, string>>;
    let roles: ReturnType<typeof startInPipe>[];
    const ask = (...args: string[]) => runInPipe(clone, args, own);
    const KEY = ['--key', 'ann.pem', '--operators', 'operators.yaml'];

    beforeAll(async () => {
      const rule = '{name: ask-echo, decision: ask, reason: look, command: echo, matches: [echo a], not: [ls]}';
      await writeFile(join(clone.dir, 'asks-policy.yaml'), `rules:\n  - ${rule}\n`);
      const { stdout } = await rh('operators', 'keygen', 'ann', '--out', 'ann.pem');
      await writeFile(join(clone.dir, 'operators.yaml'), stdout);
      own = { ...env, RAVENHELM_PREFIX: `asks.${randomUUID().slice(0, 8)}` };
      await ask('init');
      const flags = ['--operators', 'operators.yaml', '--policy', 'asks-policy.yaml'];
      roles = ['orchestrator', 'worker'].map((role) => startInPipe(clone, ['--role', role, ...flags], own));
      await Promise.all(roles.map((role) => role.shows('role.serving')));
    }, 120_000);

    afterAll(async () => {
      for (const role of roles) role.child.kill('SIGTERM');
      await Promise.all(roles.map((role) => role.ended()));
    }, 120_000);

    const waitingCall = async (): Promise<{ readonly approval_id: string; readonly mission_id: string }> => {
      for (;;) {
        const [call] = JSON.parse((await ask('approvals', 'list', '--json')).stdout);
        if (call !== undefined) return call;
      }
    };

    test('are listed, shown and approved with a signature, and run then', async () => {
      const id = (await ask('submit', 'missions/quick.yaml', ...KEY)).stdout.trim();
      const first = await waitingCall();
      expect(first.mission_id).toBe(id);
      const short = first.approval_id.slice(0, 13);
      const shown = await ask('approvals', 'show', short);
      expect(shown.stdout).toContain('echo first_agent >> first_agent.txt');
      expect(shown.stdout).toContain('ask-echo: echo first_agent');
      expect((await ask('status', id)).stdout).toContain('Calls that wait for a person:');
      const strange = await ask('approve', short, '--key', 'ann.pem', '--as', 'bob');
      expect(strange.stderr).toContain('it is signed with a key that the operators file does not have under this name');
      expect(strange.code).toBe(2);
      expect(await ask('approve', short, ...KEY)).toMatchObject({
        code: 0,
        stdout: `approved: ${first.approval_id}\n`,
      });
      expect(await ask('approve', first.approval_id, ...KEY)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('was decided before'),
      });
      let second = await waitingCall();
      while (second.approval_id === first.approval_id) second = await waitingCall();
      expect(await ask('reject', second.approval_id, '--why', 'not today', ...KEY)).toMatchObject({ code: 0 });
      const ended = await ask('watch', id);
      expect(ended.stdout).toContain('approval_void');
      expect(ended.stdout).toContain('ann rejected it: not today');
      expect(ended.code).toBe(1);
      expect((await ask('show', id)).stdout).toContain('ask by ask-echo; approved by ann');
    }, 180_000);

    test('run --on-ask wait lets another process answer, and ends with the mission', async () => {
      const apart = { ...env, RAVENHELM_PREFIX: `waits.${randomUUID().slice(0, 8)}` };
      const flags = ['--policy', 'asks-policy.yaml', '--on-ask', 'wait', '--json'];
      const run = startInPipe(clone, ['run', 'missions/quick.yaml', ...flags], apart);
      let hasEnded = false;
      const ended = run.ended().finally(() => (hasEnded = true));
      let answered = 0;
      while (!hasEnded) {
        const { stdout } = await runInPipe(clone, ['approvals', 'list', '--json'], apart);
        const calls: readonly { readonly approval_id: string }[] = stdout === '' ? [] : JSON.parse(stdout);
        for (const { approval_id: id } of calls)
          if ((await runInPipe(clone, ['approve', id], apart)).code === 0) answered += 1;
      }
      const { code, stdout } = await ended;
      expect({ code, answered }).toEqual({ code: 0, answered: 2 });
      expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', waiting_calls: [] });
    }, 180_000);

    test('an unknown id is wrong use', async () => {
      const { code, stderr } = await ask('approve', 'zzzz', ...KEY);
      expect(stderr).toContain('no call waits under the id zzzz');
      expect(code).toBe(2);
    });
  });

  test('a plan that was rejected says why', async () => {
    const missionId = await submit('asks');
    const watching = startInPipe(clone, ['watch', missionId], env);
    await watching.shows('plan_proposed');
    expect((await rh('reject', missionId, '--why', 'not today')).code).toBe(0);
    await watching.shows('not today');
    await watching.ended();
  });

  test('a mission that is stuck asks a person, and continues with the answer', async () => {
    const workspace = join(clone.dir, 'stuck');
    await mkdir(workspace);
    const waited = startInPipe(
      clone,
      ['submit', 'missions/stuck.yaml', '--workspace', workspace, '--wait', '--json'],
      env,
    );
    await waited.shows('The mission needs attention: deploy-first_agent-wave1 failed after 1 attempt');
    const [missionId = ''] =
      /\d{8}-\d{6}-\d{3}-p\d+-[a-z0-9]{4}/.exec(
        (await rh('status')).stdout.split('\n').find((line) => line.includes('needs attention')) ?? '',
      ) ?? [];
    expect((await rh('status', missionId)).stdout).toContain(
      `What should first_agent do differently?\n  npx ravenhelm answer ${missionId} "…"`,
    );
    expect(JSON.parse((await rh('status', missionId, '--json')).stdout)).toMatchObject({
      status: 'needs_attention',
      question: { number: 1 },
    });
    expect(await rh('answer', missionId, ' ')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the answer is empty'),
    });
    for (const word of ['approve', 'reject']) {
      expect(await rh(word, missionId, ...(word === 'reject' ? ['--why', 'no'] : []))).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(
          /has no plan that waits; it waits for the answer to its question\n {2}ravenhelm answer /,
        ),
      });
    }

    await writeFile(join(workspace, 'nowhere.txt'), '');
    expect(await rh('answer', missionId, 'the file is there now')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`answered: ${missionId}`),
    });
    const { code, stdout } = await waited.ended();
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      mission_id: missionId,
      status: 'completed',
      question: null,
      tasks: expect.arrayContaining([expect.objectContaining({ agent: 'first_agent', attempts: 2 })]),
    });
    expect((await rh('watch', missionId)).stdout).toContain('attention_answered');
    expect(await rh('answer', missionId, 'again')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has already ended: completed'),
    });
  });

  test('answering a mission that never asks says so', async () => {
    const missionId = await submit('asks');
    const answer = await rh('answer', missionId, 'continue');
    expect(answer).toMatchObject({ code: 2, stderr: expect.stringContaining('asks nothing') });
    expect(answer.stderr).toContain('approve or reject');
    expect((await rh('cancel', missionId)).code).toBe(0);
  });

  test('cancel stops a mission; cancelling it again is wrong use', async () => {
    const missionId = await submit('endless');
    const watching = startInPipe(clone, ['watch', missionId], env);
    await watching.shows('task_started');
    expect((await rh('cancel', missionId, '--why', 'changed my mind')).code).toBe(0);
    const { code, stdout } = await watching.ended();
    expect(code).toBe(1);
    expect(stdout).toContain('changed my mind');
    expect((await rh('cancel', missionId)).code).toBe(2);
  });

  test('a mission is named by the beginning of its id, by its name and as the last one, in every command', async () => {
    const missionId = JSON.parse((await rh('submit', 'missions/quick.yaml', '--wait', '--json')).stdout).mission_id;
    for (const named of [missionId.slice(0, -2), 'quick-mission', 'last']) {
      expect(JSON.parse((await rh('status', named, '--json')).stdout).mission_id).toBe(missionId);
      expect((await rh('watch', named)).stdout).toMatch(/^mission_requested \| /);
      expect((await rh('show', named)).stdout).toContain('deploy-first_agent-wave1');
      for (const command of [['cancel'], ['approve'], ['answer', 'x'], ['reject', '--why', 'x']]) {
        const [verb = '', ...rest] = command;
        const { code, stderr } = await rh(verb, named, ...rest);
        expect([code, stderr]).toEqual([2, expect.stringContaining(`mission ${missionId} has already ended`)]);
      }
    }
  });

  test('a beginning of several ids is wrong use, and lists them', async () => {
    const ids = [await submit('quick'), await submit('quick')];
    const { code, stderr } = await rh('cancel', ids[0]?.slice(0, 4) ?? '');
    expect(code).toBe(2);
    for (const id of ids) expect(stderr).toContain(`${id} (quick-mission)`);
  });

  test('what is neither a mission nor a call says how to list both', async () => {
    const { code, stderr } = await rh('approve', 'nothing-such');
    expect(code).toBe(2);
    expect(stderr).toContain('ravenhelm status lists missions, ravenhelm approvals list the calls');
  });

  test('status lists by status, name and time, and names the next page, in text and as JSON', async () => {
    for (let count = 0; count < 3; count += 1) await rh('submit', 'missions/wrong.yaml', '--wait');
    const listed = async (...flags: string[]) => {
      const { code, stdout, stderr } = await rh('status', '--json', ...flags);
      return { code, ids: JSON.parse(stdout).map(({ mission_id }: { mission_id: string }) => mission_id), stderr };
    };
    const failed = ['--status', 'failed', '--name', 'wrong-mission', '--since', '1h'];
    const all = await listed(...failed);
    expect(all.ids.length).toBeGreaterThanOrEqual(3);
    const newest = await listed(...failed, '--limit', '2');
    expect(newest.ids).toEqual(all.ids.slice(-2));
    const next = /the next page: npx ravenhelm status (.*)$/m.exec(newest.stderr)?.[1] ?? '';
    await submit('quick');
    const older = await listed(...next.replaceAll("'", '').split(' '));
    expect(older.ids).toEqual(all.ids.slice(-4, -2));
    const text = await rh('status', '--limit', '1', '--name', 'wrong-*');
    expect(text.stdout).toMatch(new RegExp(`^MISSION .*\n${all.ids.at(-1)} `));
    expect(text.stdout).toContain(`the next page: npx ravenhelm status --name 'wrong-*' --limit 1 --before`);
    const none = await rh('status', '--name', 'no-such');
    expect(none.stdout).toMatch(
      /^no mission fits\nlisted: .* since \S+Z \(24 hours\); older ones: npx ravenhelm status --since 7d, or .*\n$/,
    );
  });

  test.each([
    [['--status', 'done'], '"done" is no status. Use planning, '],
    [['--since', 'yesterday'], 'It must be an age such as 90m'],
    [['--limit', '0'], 'It must be a whole number from 1'],
    [['last', '--limit', '1'], '--limit is for the list of missions'],
  ])('status %j is wrong use, with what can be given', async (flags, words) => {
    const { code, stderr } = await rh('status', ...flags);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
  });

  test('an unknown mission is wrong use, with the nearest one', async () => {
    const missionId = await submit('quick');
    const { code, stderr } = await rh('status', `${missionId.slice(0, -1)}_`);
    expect(code).toBe(2);
    expect(stderr).toContain(`Did you mean ${missionId.slice(0, -4)}`);
  });

  test('a prefix that nothing was made for is wrong use, with the ways out', async () => {
    const { code, stderr } = await runInPipe(clone, ['status'], {
      ...env,
      RAVENHELM_PREFIX: `cli.${randomUUID().slice(0, 8)}`,
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error: Topic \S+ does not exist; create it: npx ravenhelm init\n  Or correct RAVENHELM_PREFIX/,
    );
  });

  test('status --live asks every process', async () => {
    const { code, stdout } = await rh('status', '--live', '--json');
    expect(code).toBe(0);
    const processes: { role: string; agents: string[]; worker_id: string }[] = JSON.parse(stdout);
    expect(processes.map(({ role }) => role)).toEqual(['orchestrator', 'worker']);
    expect(processes[1]?.agents).toEqual(['first_agent', 'second_agent']);
    expect(processes.map(({ worker_id }) => swarm.some(({ child }) => worker_id.includes(`-${child.pid}-`)))).toEqual([
      true,
      true,
    ]);
  });

  test('a request to a log without an orchestrator says so, and how to start one', async () => {
    const alone = { ...env, RAVENHELM_PREFIX: `cli.${randomUUID().slice(0, 8)}` };
    const lonely = (...args: string[]) => runInPipe(clone, args, alone);
    const noOrchestrator = `no orchestrator is serving; start one: npx ravenhelm --role orchestrator (or npm start)`;
    await lonely('init');
    const submitted = await lonely('submit', 'missions/quick.yaml');
    expect(submitted).toMatchObject({ code: 0, stderr: expect.stringContaining(noOrchestrator) });
    expect(await lonely('cancel', submitted.stdout.trim())).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(noOrchestrator),
    });
    expect((await lonely('status', '--live')).stderr).toContain(noOrchestrator);

    const waiting = startInPipe(clone, ['submit', 'missions/quick.yaml', '--wait'], alone);
    await waiting.shows(noOrchestrator);
    waiting.child.kill('SIGINT');
    const { code, stderr } = await waiting.ended();
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /the mission continues; npx ravenhelm watch \S+ shows it, npx ravenhelm cancel \S+ stops it/,
    );
    expect((await rh('submit', 'missions/quick.yaml')).stderr).not.toContain(noOrchestrator);
  }, 180_000);

  test('who does not wait for what is said of the orchestrator has submitted the mission all the same', async () => {
    const alone = { ...env, RAVENHELM_PREFIX: `cli.${randomUUID().slice(0, 8)}` };
    await runInPipe(clone, ['init'], alone);
    const submitting = startInPipe(clone, ['submit', 'missions/quick.yaml'], alone);
    await submitting.shows('submitted; to see how it goes');
    submitting.child.kill('SIGINT');
    const { code, stdout } = await submitting.ended();
    expect(code).toBe(0);
    expect((await runInPipe(clone, ['status', stdout.trim()], alone)).code).toBe(0);
  }, 180_000);

  test('submit that is interrupted while the broker says nothing ends, and says what is not known', async () => {
    const [broker = ''] = testBroker().brokers;
    const proxy = await createKafkaProxy(broker);
    try {
      const submitting = startInPipe(clone, ['submit', 'missions/quick.yaml'], {
        ...env,
        KAFKA_BROKERS: proxy.address,
      });
      await proxy.strike('Produce', 'silent');
      proxy.freeze();
      submitting.child.kill('SIGINT');
      const { code, stderr } = await submitting.ended();
      expect(code).toBe(130);
      const [, missionId = ''] =
        /it is not known whether mission (\S+) was submitted; npx ravenhelm status \S+ shows it/.exec(stderr) ?? [];
      expect((await rh('status', missionId)).code).toBe(0); // the answer was lost, the record was not
    } finally {
      await proxy.close();
    }
  }, 180_000);

  test('watch ends quietly when its reader goes away', async () => {
    const watching = startInPipe(clone, ['watch'], env);
    await watching.shows('watching');
    const submitted = submit('quick');
    await watching.shows('mission_requested');
    watching.child.stdout.destroy();
    const { code, stderr } = await watching.ended();
    expect(stderr).toBe('watching; Ctrl-C ends it\n');
    expect(code).toBe(0);
    await submitted;
  });

  test('watch that is interrupted ends with 130', async () => {
    const watching = startInPipe(clone, ['watch'], env);
    await watching.shows('watching');
    watching.child.kill('SIGINT');
    const { code, stderr } = await watching.ended();
    expect(code).toBe(130);
    expect(stderr).toBe('watching; Ctrl-C ends it\n'); // no role runs here that could have steps
  });

  test('two copies share the work and both end with 0', async () => {
    const copies = await Promise.all([
      rh('run', 'missions/quick.yaml', '--json'),
      rh('run', 'missions/quick.yaml', '--json'),
    ]);
    expect(copies.map(({ code }) => code)).toEqual([0, 0]);
    const ids = copies.map(({ stdout }) => JSON.parse(stdout).mission_id);
    expect(new Set(ids).size).toBe(2);
  }, 90_000);

  test('workspace prune removes what ended missions have left, and keeps an open mission’s', async () => {
    const ended = JSON.parse((await rh('submit', 'missions/quick.yaml', '--wait', '--json')).stdout);
    const open = await submit('endless');
    const root = join(clone.dir, '.ravenhelm/workspaces');
    while (!existsSync(join(root, open))) await new Promise((resolve) => setTimeout(resolve, 50));
    const dry = JSON.parse((await rh('workspace', 'prune', '--dry-run', '--json')).stdout);
    const { code, stdout } = await rh('workspace', 'prune');
    await rh('cancel', open);
    expect(dry.workspaces.map(({ mission_id }: { mission_id: string }) => mission_id)).toContain(ended.mission_id);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${ended.mission_id} `, 'm'));
    expect(stdout).toMatch(/^freed .*kept: [1-9]\d* of open missions/m);
    expect(stdout).not.toContain(open);
    expect([ended.mission_id, open].map((id) => existsSync(join(root, id)))).toEqual([false, true]);
  }, 180_000);
});
