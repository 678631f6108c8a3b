import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The toolbox as it lies in the clone, without a sandbox: packages are found there, too. */
const toolbox = resolve('toolbox');
const programs = readdirSync(toolbox).filter((name) => name.endsWith('.mjs'));
const directory = mkdtempSync(join(tmpdir(), 'ravenhelm-toolbox-'));

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(program: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(toolbox, program), ...args], {
    cwd: directory,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function file(name: string, content: string): string {
  writeFileSync(join(directory, name), content);
  return name;
}

test.each(programs)('%s says how it is called, and ends with 2 when called wrongly', (program) => {
  expect(run(program, '--help')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining(`usage: node $TOOLBOX/${program}`),
  });
  expect(run(program, '--nonsense')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('usage: '),
  });
});

test('a YAML error names the file, the line and the column', () => {
  expect(run('data.mjs', file('twice.yaml', 'a: 1\nb: 2\na: 3\n'))).toEqual({
    status: 1,
    stdout: '',
    stderr: 'FAILED twice.yaml:3:1: Map keys must be unique\n',
  });
});

test('a missing file is one line and exit code 1', () => {
  expect(run('data.mjs', 'absent.yaml')).toEqual({
    status: 1,
    stdout: '',
    stderr: 'FAILED absent.yaml: no such file\n',
  });
});

test('assertions look into the parsed value, and what they throw is a failure', () => {
  const name = file('list.yaml', 'items: [1, 2, 3]\n');
  expect(run('data.mjs', name, '--assert', 'doc.items.length === 3')).toMatchObject({ status: 0 });
  expect(run('data.mjs', name, '--assert', 'doc.items.length')).toMatchObject({
    status: 1,
    stderr: 'FAILED list.yaml: does not hold: doc.items.length\n',
  });
  expect(run('data.mjs', name, '--assert', 'doc.lists.length === 3')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('undefined'),
  });
});

test('filling an env file again keeps strong secrets and replaces weak ones', () => {
  const name = file('fill.env', 'A_TOKEN=0123456789abcdef0123456789abcdef\nB_TOKEN=weak\n');
  expect(run('env-file.mjs', 'fill', name, '--set', 'NAME=x', '--secrets', 'A_TOKEN,B_TOKEN')).toMatchObject({
    status: 0,
    stdout: 'fill.env: 1 settings, 2 secrets (1 kept)\n',
  });
  expect(run('env-file.mjs', 'check', name, '--keys', 'NAME,A_TOKEN,B_TOKEN')).toMatchObject({ status: 0 });
});

test('SQL errors name the run and the file, and \\gexec runs what a query yields', () => {
  file('1.sql', "SELECT 'CREATE TABLE made (id int)' WHERE to_regclass('made') IS NULL\n\\gexec\n");
  expect(run('sql.mjs', '1.sql', '--times', '2', '--true', "select to_regclass('made') is not null")).toMatchObject({
    status: 0,
  });
  file('2.sql', 'SELEC 1;\n');
  expect(run('sql.mjs', '2.sql')).toMatchObject({
    status: 1,
    stderr: 'FAILED run 1: 2.sql: syntax error at or near "SELEC"\n',
  });
}, 120_000);

test('links in comments do not count, and a page without links is no status page', () => {
  expect(run('links.mjs', file('page.html', '<p><!-- <a href="gone.html">x</a> --></p>'))).toMatchObject({
    status: 1,
    stderr: 'FAILED page.html: has no link\n',
  });
  expect(run('links.mjs', file('page.html', "<a href='page.html'>x</a><img src=gone.png>"))).toMatchObject({
    status: 1,
    stderr: 'FAILED page.html: gone.png is dead: gone.png does not exist\n',
  });
});

test('the NATS configuration is read with sizes, arrays, comments and variables', () => {
  file('nats.env', 'USER=u\nPASS=p\n');
  const good =
    'port: 4222 # clients\nhttp_port = 8222\njetstream { store_dir: "/data", max_file: 1GB }\nauthorization { ' +
    'users: [ { user: $USER, password: $PASS } ] }\n';
  expect(run('conf.mjs', 'nats', file('nats.conf', good), '--env', 'nats.env')).toMatchObject({ status: 0 });
  expect(
    run('conf.mjs', 'nats', file('nats.conf', good.replace('$PASS', '"hunter2"')), '--env', 'nats.env'),
  ).toMatchObject({ status: 1, stderr: expect.stringContaining('must name user and password by variables') });
});
