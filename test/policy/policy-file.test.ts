import { readFileSync } from 'node:fs';
import { ConfigError } from '../../src/agent/config-error.js';
import { parsePolicy } from '../../src/policy/policy-file.js';

const rule = (...lines: readonly string[]) =>
  [
    'rules:',
    '  - name: one',
    '    decision: deny',
    '    reason: not wanted',
    ...lines.map((line) => `    ${line}`),
  ].join('\n');

function problemsOf(text: string): readonly string[] {
  try {
    parsePolicy(text, 'policy.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const judge = (text: string, command: string, agent = 'env_agent') =>
  parsePolicy(text, 'policy.yaml').policy.judgeCommand(agent, command);

describe('a policy file', () => {
  test('that is empty allows what can be read, and asks for the rest', () => {
    expect(judge('rules: []', 'curl x')).toMatchObject({ decision: 'allow', rule: 'default' });
    expect(judge('rules: []', '$x y')).toMatchObject({ decision: 'ask', rule: 'cannot-be-read' });
    expect(judge('rules: []', 'ls\u200B')).toMatchObject({ decision: 'deny', rule: 'hidden-characters' });
  });

  test('judges agents with a container engine, and their checks, by the rules about them', () => {
    const { policy } = parsePolicy(readFileSync('policy.default.yaml', 'utf8'), 'policy.default.yaml');
    const decisionOn = (command: string, docker: boolean) =>
      policy.judgeCommand('docker_agent', command, { docker }).decision;
    expect([decisionOn('docker compose up -d', true), decisionOn('docker compose up -d', false)]).toEqual([
      'allow',
      'ask',
    ]);
    expect([decisionOn('docker run image id', true), decisionOn('docker run image id', false)]).toEqual([
      'allow',
      'deny',
    ]);
    expect([decisionOn('runc run x', true), decisionOn('kubectl get pods', true)]).toEqual(['deny', 'ask']);
  });

  test('names line and column of a wrong key, a wrong decision and a missing example', () => {
    expect(problemsOf(rule('comand: ls', 'matches: [ls]', 'not: [cat]'))).toEqual([
      expect.stringMatching(/^policy\.yaml:5:5: unknown key "comand"; .*command/),
    ]);
    expect(problemsOf('default: maybe')).toEqual([expect.stringMatching(/^policy\.yaml:1:1: "default" is "maybe"/)]);
    expect(problemsOf(rule('command: ls', 'matches: [ls]'))).toEqual([
      expect.stringMatching(/^policy\.yaml:2:5: "rules\[0\]\.not" is missing/),
    ]);
  });

  test('names the example that its rule does not match, and the one that it should not match', () => {
    expect(problemsOf(rule('command: ls', 'matches: [ls, cat a]', 'not: [cat, ls -la]'))).toEqual([
      'policy.yaml:6:19: the rule one does not match this example; correct its conditions, or move the example to not',
      'policy.yaml:7:16: the rule one matches this example; correct its conditions, or move the example to matches',
    ]);
  });

  test('refuses a rule without a condition, a name twice, a reserved name and access without path', () => {
    expect(problemsOf(rule('matches: [ls]', 'not: [cat]'))).toEqual([
      expect.stringMatching(/has no condition; add one of: .*host, tainted$/),
    ]);
    const once = rule('command: ls', 'matches: [ls]', 'not: [cat]');
    const twice = `${once}\n${once.slice('rules:\n'.length)}`;
    expect(problemsOf(twice)).toEqual([expect.stringMatching(/^policy\.yaml:8:5: two rules have the name "one"/)]);
    expect(problemsOf(rule('command: ls', 'matches: [ls]', 'not: [cat]').replace('one', 'default'))).toEqual([
      expect.stringContaining('is reserved'),
    ]);
    expect(problemsOf(rule('command: ls', 'access: [read]', 'matches: [ls]', 'not: [cat]'))).toEqual([
      expect.stringContaining('access is about path'),
    ]);
  });

  test('refuses a path that is not absolute, and too many alternatives', () => {
    expect(problemsOf(rule('path: src/*', 'matches: [ls]', 'not: [cat]'))).toEqual([
      expect.stringMatching(/^policy\.yaml:5:5: .*begins with \//),
    ]);
    const many = `'${'{a,b,c,d,e,f}'.repeat(8)}'`;
    expect(problemsOf(rule(`command: ${many}`, 'matches: [ls]', 'not: [cat]'))).toEqual([
      expect.stringContaining('more than 1000 alternatives'),
    ]);
  });
});

describe('rules', () => {
  const two = (first: string, second: string) =>
    [
      'rules:',
      ...[first, second].map(
        (decision, at) =>
          `  - {name: r${at}, decision: ${decision}, reason: why, command: ls, matches: [ls], not: [cat]}`,
      ),
    ].join('\n');

  test.each([
    ['allow', 'ask', 'ask', 'r1'],
    ['ask', 'allow', 'ask', 'r0'],
    ['ask', 'deny', 'deny', 'r1'],
    ['deny', 'allow', 'deny', 'r0'],
    ['allow', 'allow', 'allow', 'r0'],
  ])('%s and %s: %s by %s', (first, second, decision, name) => {
    expect(judge(two(first, second), 'ls')).toMatchObject({ decision, rule: name });
  });

  test('decide about each command; the strictest counts', () => {
    const text = `default: ask\n${rule('command: ls', 'matches: [ls]', 'not: [cat]').replace('deny', 'allow')}`;
    expect(judge(text, 'ls | ls')).toMatchObject({ decision: 'allow', rule: 'one' });
    expect(judge(text, 'ls | cat')).toMatchObject({ decision: 'ask', rule: 'default' });
    expect(judge(text, 'x=1; ls > a')).toMatchObject({ decision: 'allow', rule: 'one' });
  });

  test('have conditions that must all hold, each with alternatives and exceptions', () => {
    const text = rule(
      'agent: "cert_*"',
      'command: ["git push", "!git push origin"]',
      'matches: [{agent: cert_agent, command: git push other}]',
      'not: [git push origin, {agent: env_agent, command: git push other}]',
    );
    expect(judge(text, 'git -C a push other', 'cert_agent')).toMatchObject({ decision: 'deny' });
    expect(judge(text, 'git push other', 'env_agent')).toMatchObject({ decision: 'allow' });
    expect(judge(text, 'git push origin', 'cert_agent')).toMatchObject({ decision: 'allow' });
  });

  test('of tainted calls leave all others alone, and the other way round', () => {
    const judged = (tainted: boolean, call: boolean) => {
      const written = rule(`tainted: ${tainted}`, 'command: ls', 'matches: [ls -l]', 'not: [cat]');
      return parsePolicy(written, 'policy.yaml').policy.judgeCommand('env_agent', 'ls', { tainted: call }).decision;
    };
    expect([judged(true, true), judged(true, false)]).toEqual(['deny', 'allow']);
    expect([judged(false, true), judged(false, false)]).toEqual(['allow', 'deny']);
  });

  test('may be about every call of a tainted task', () => {
    const { policy } = parsePolicy(
      rule(
        'tainted: true',
        'matches: [ls, {tool: workspace_read, arguments: {path: a}}]',
        'not: [{command: ls, tainted: false}]',
      ),
      'policy.yaml',
    );
    const call = { agent: 'a', tool: 'workspace_list', arguments: {} };
    expect(policy.judge({ ...call, tainted: true })).toMatchObject({ decision: 'deny', rule: 'one' });
    expect(policy.judge(call)).toMatchObject({ decision: 'allow' });
  });

  test('have examples of tainted calls, which fail like others', () => {
    const text = rule('tainted: true', 'command: ls', 'matches: [{command: ls, tainted: false}]', 'not: [ls]');
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(/^policy\.yaml:7:15: the rule one does not match this example/),
      expect.stringMatching(/^policy\.yaml:8:11: the rule one matches this example/),
    ]);
    expect(problemsOf(rule('tainted: maybe', 'command: ls', 'matches: [ls]', 'not: [cat]'))).toEqual([
      expect.stringMatching(/^policy\.yaml:5:5: .*tainted/),
    ]);
  });

  test('know the host of a command, and the path of a file tool', () => {
    const host = rule(
      'command: curl',
      'host: "*.internal"',
      'matches: ["curl http://u:p@db.internal:80/x"]',
      'not: ["curl http://example.com/db.internal"]',
    );
    expect(judge(host, 'curl API.INTERNAL')).toMatchObject({ decision: 'deny' });
    const file = rule(
      'tool: workspace_*',
      'path: /workspace/certs/**',
      'access: [write]',
      'matches: [{tool: workspace_write, arguments: {path: certs/a}}]',
      'not: [{tool: workspace_read, arguments: {path: certs/a}}, ' +
        '{tool: workspace_write, arguments: {path: certs/../a}}]',
    );
    const { policy } = parsePolicy(file, 'policy.yaml');
    const write = (path: string) =>
      policy.judge({ agent: 'a', tool: 'workspace_write', arguments: { path, content: '' } });
    expect(write('./certs//x')).toMatchObject({
      decision: 'deny',
      rule: 'one',
      reason: 'write /workspace/certs/x: not wanted',
    });
    expect(write('src/x')).toMatchObject({ decision: 'allow' });
  });
});

describe('the default policy', () => {
  test('has examples in each rule that hold', () => {
    const { rules } = parsePolicy(readFileSync('policy.default.yaml', 'utf8'), 'policy.default.yaml');
    expect(rules.length).toBeGreaterThan(15);
    expect(Math.min(...rules.map(({ examples }) => examples))).toBeGreaterThanOrEqual(2);
  });
});

describe('a rule about paths', () => {
  const PATHS = rule('path: /workspace/certs/*.pem', 'matches: [touch certs/a.pem]', 'not: [touch a.pem]');
  const OF_TAINTED = rule(
    'tainted: true',
    'path: [/workspace/certs/*.pem, "!/workspace/certs/test.pem"]',
    'matches: [touch certs/a.pem]',
    'not: [touch a.pem]',
  );
  const decision = (text: string, command: string) =>
    parsePolicy(text, 'policy.yaml').policy.judgeCommand('env_agent', command, { tainted: true }).decision;

  test.each([
    ['cp a.pem certs', 'deny', 'deny'],
    ['touch certs/$x', 'allow', 'deny'],
    ['touch cert?/a.pem', 'allow', 'deny'],
    ['touch c*/*.txt', 'allow', 'deny'],
    ['touch *.pem', 'allow', 'allow'],
    ['true || cd certs; touch a.pem', 'deny', 'deny'],
    ['true || cd sub; touch certs/a.pem', 'allow', 'deny'],
    ['touch certs/test.pem', 'deny', 'allow'],
  ])('%s: %s; of tainted calls only: %s', (command, always, ofTainted) => {
    expect([decision(PATHS, command), decision(OF_TAINTED, command)]).toEqual([always, ofTainted]);
  });
});
