import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_LIMITS } from '../../../src/domain/limits.js';
import type { NetworkConnection } from '../../../src/domain/network.js';
import { SANDBOX_ACCOUNT } from '../../../src/tools/account.js';
import { createHarness, removeTemporaryDirectories } from '../harness.js';
import { MODES } from './modes.js';
import { closeAll, listenHttp, listenTcp, localhost, named } from './support.js';

afterEach(closeAll);
afterAll(removeTemporaryDirectories);

const isRoot = process.getuid?.() === 0;

/** Prints what a TCP server says, in perl-base: it reads no proxy variable and no hosts file by itself. */
const SAY = (host: string, port: number, text = '') =>
  `perl -MSocket -e 'my ($error, $at) = Socket::getaddrinfo(@ARGV[0, 1], { socktype => SOCK_STREAM });
die "$error\\n" if $error; socket(my $s, $at->{family}, SOCK_STREAM, 0); connect($s, $at->{addr}) or die "$!\\n";
syswrite($s, $ARGV[2]); shutdown($s, 1); print while <$s>' ${host} ${port} '${text}'`;

const talkative = () =>
  listenTcp((socket) => {
    let text = '';
    socket.on('data', (part: Buffer) => {
      text += part.toString();
    });
    socket.on('end', () => socket.end(`heard ${text}\n`));
  });

/** Paths of sockets that the kernel lists in the sandbox. */
const NAMES = 'cut -d" " -f8 /proc/net/unix | grep ravenhelm';

describe.each(MODES)('in a sandbox made %s, an agent with a network', (_mode, run) => {
  test('reaches its hosts by HTTP and by any other protocol, by their names', async () => {
    const web = await listenHttp((request, response) => response.end(`page of ${request.headers.host}\n`));
    const other = await talkative();
    const result = await run(
      [
        `curl -s http://web.test:${web}/`,
        `curl -s --noproxy '*' http://web.test:${web}/`,
        SAY('db.test', other, 'hello'),
      ].join('; '),
      {
        hosts: [named('web.test', web), named('db.test', other)],
        names: { 'web.test': ['127.0.0.1'], 'db.test': ['127.0.0.1'] },
      },
    );
    expect(result).toMatchObject({ outcome: 'ok', stderr: '' });
    expect(result.stdout).toBe(`page of web.test:${web}\npage of web.test:${web}\nheard hello\n`);
    const ended = { address: '127.0.0.1', outcome: 'ended', reason: null, count: 1 };
    // In the order in which they have ended, which on a busy computer is not that in which they began.
    const nameOf = ({ host }: NetworkConnection) => host ?? '';
    const byHost = [...result.connections].sort((one, another) => nameOf(one).localeCompare(nameOf(another)));
    expect(byHost).toEqual([
      expect.objectContaining({ ...ended, host: 'db.test', port: other, bytesSent: 5, bytesReceived: 12 }),
      expect.objectContaining({ ...ended, host: 'web.test', port: web }),
      expect.objectContaining({ ...ended, host: 'web.test', port: web }),
    ]);
  });

  test("reaches this computer's localhost, and addresses, where they are named", async () => {
    const port = await talkative();
    const result = await run(`${SAY('localhost', port, 'a')}; ${SAY('127.0.0.1', port, 'b')}; ${SAY('192.0.2.7', 9)}`, {
      hosts: [localhost(port), named('127.0.0.1', port), named('192.0.2.7', 9)],
      names: { localhost: ['127.0.0.1'] },
      timeLimitMs: 20_000,
    });
    expect(result.stdout).toBe('heard a\nheard b\n');
    const asked = result.connections.map(({ host, port: at }) => `${host}:${at}`);
    expect(asked).toEqual([`localhost:${port}`, `localhost:${port}`, '192.0.2.7:9']);
  });

  (isRoot ? test : test.skip)('reaches ports below 1024', async () => {
    const seen = await run(SAY('web.test', 81, 'x'), {
      hosts: [{ host: 'web.test', port: 81, addresses: ['127.0.0.1'] }],
      names: { 'web.test': ['127.0.0.1'] },
    });
    expect(seen.connections).toEqual([expect.objectContaining({ host: 'web.test', port: 81, reason: 'ECONNREFUSED' })]);
  });

  test('reaches nothing else', async () => {
    const secret = await listenHttp((_request, response) => response.end('canary'));
    const port = await talkative();
    const tried = [
      `curl -s http://127.0.0.1:${secret}/`,
      `curl -s http://localhost:${secret}/`,
      `curl --noproxy '' -sx "$http_proxy" http://localhost:${secret}/`,
      `curl --noproxy '' -sx "$http_proxy" http://127.0.0.1:${secret}/`,
      `curl --noproxy '' -sx "$http_proxy" -H 'Host: localhost:${port}' http://127.0.0.1:${secret}/`,
      `curl --noproxy '' -spx "$http_proxy" http://127.0.0.1:${secret}/`,
      'curl -s --max-time 5 --noproxy "*" http://169.254.169.254/latest/meta-data/',
      'curl -s http://169.254.169.254/latest/meta-data/',
      'curl -s https://evil.example/',
      'getent hosts evil.example',
      SAY('evil.example', 80),
      SAY('127.0.0.1', secret),
    ];
    const result = await run(`${tried.map((one) => `${one} >>out 2>>err; echo $?`).join('\n')}\ncat out >&2`, {
      hosts: [localhost(port)],
      names: { localhost: ['127.0.0.1'] },
    });
    expect(result.stderr).not.toContain('canary');
    const refused = result.connections.map(({ outcome, host, reason }) => [outcome, host, reason]);
    const reason = "not in the agent's network";
    expect(refused).toEqual([
      ['refused', 'localhost', reason],
      ['refused', '127.0.0.1', reason],
      ['refused', '127.0.0.1', reason],
      ['refused', '127.0.0.1', reason],
      ['refused', '169.254.169.254', reason],
      ['refused', 'evil.example', reason],
    ]);
    expect(result.connections.every(({ bytesSent, address }) => bytesSent === 0 && address === null)).toBe(true);
  });

  test('sees neither the relay nor its sockets, and gets no right from them', async () => {
    const port = await talkative();
    const look = [
      'grep -l ravenhelm-re[l]ay /proc/[0-9]*/cmdline',
      'find / -xdev -type s 2>/dev/null; find /tmp /workspace /run -type s 2>/dev/null',
      // The kernel lists what the worker has accepted in the namespace of the relay, until the worker closes it, too.
      `${NAMES} > /tmp/names`,
      `n=0; while [ -s /tmp/names ] && [ $n -lt 50 ]; do n=$((n+1)); sleep 0.1; ${NAMES} > /tmp/names; done`,
      'cat /tmp/names',
      'grep CapEff /proc/self/status',
    ];
    const result = await run(look.join('; '), { hosts: [localhost(port)] });
    expect(result.stdout).toBe('CapEff:\t0000000000000000\n');
  });

  test('ends in its time, with all that it has left behind and every connection', async () => {
    const port = await listenTcp((socket) => void socket.write('.'));
    const result = await run(
      `(setsid sh -c '${SAY('localhost', port).replaceAll("'", `'"'"'`)}' &) ; ${SAY('localhost', port)}`,
      { hosts: [localhost(port)], names: { localhost: ['127.0.0.1'] }, timeLimitMs: 2_000 },
    );
    expect(result).toMatchObject({ outcome: 'error', exitCode: 124, limit: 'wall_time' });
    expect(result.connections).toEqual([
      expect.objectContaining({ outcome: 'ended', bytesReceived: 1 }),
      expect.objectContaining({ outcome: 'ended', bytesReceived: 1 }),
    ]);
  });

  test('gets no command run where the network cannot be made', async () => {
    // An address that no device can have.
    const broken = await run('echo ran', { hosts: [{ host: '224.0.0.1', port: 80, addresses: [] }] });
    expect(broken).toMatchObject({ outcome: 'refused', exitCode: null });
    expect(broken.stderr).toContain('cannot open the network: cannot');
    expect(broken.stdout).toBe('');
  });
});

describe('the network of a call', () => {
  test('is one of checks, too', async () => {
    const port = await talkative();
    const harness = await createHarness();
    const connections: NetworkConnection[] = [];
    const network = {
      hosts: [localhost(port)],
      onConnection: (connection: NetworkConnection) => void connections.push(connection),
    };
    const checks = [1, 2].map((number) => ({ name: `check ${number}`, command: SAY('localhost', port, `${number}`) }));
    const common = { task: harness.task(), claimOffset: 1, timeLimitMs: 30_000, checks, network };
    const rules = { listed: [], named: [], changes: [], beside: { changes: [], creates: [] } };
    const before = await harness.executor.takeBaseline({ ...common, protection: rules }, new AbortController().signal);
    expect(before.checks).toEqual([
      { workspace: 0, empty: 0 },
      { workspace: 0, empty: 0 },
    ]);
    const run = await harness.executor.runChecks({ ...common, step: 1 }, new AbortController().signal);
    expect(run.results.map(({ output }) => output)).toEqual(['heard 1\n', 'heard 2\n']);
    expect(connections).toHaveLength(6);
  });

  test('counts nothing of the relay as the use of the command', async () => {
    const port = await listenTcp((socket) => void socket.write('.'));
    const harness = await createHarness({ lookup: async () => ['127.0.0.1'] });
    // For each connection the relay has two files, the command one; the third second has a measurement for certain.
    const command = `perl -MSocket -e 'my @all; for (1 .. 40) {
socket(my $s, AF_INET, SOCK_STREAM, 0) or die;
connect($s, pack_sockaddr_in($ARGV[0], inet_aton("127.0.0.1"))) or die "$!";
sysread($s, my $dot, 1) or die "closed"; push @all, $s } print scalar @all; select(undef, undef, undef, 3)' ${port}`;
    const hosts = [named('127.0.0.1', port)];
    const result = await harness.sh(command, {
      network: { hosts, onConnection: () => undefined },
      limits: { ...DEFAULT_LIMITS, open_files: 64 },
    });
    expect(result).toMatchObject({ outcome: 'ok', stdout: '40' });
    expect(result.limit).toBeUndefined();
  });

  test('ends with an aborted call, and its relay, too', async () => {
    const port = await listenTcp((socket) => void socket.write('.'));
    const harness = await createHarness();
    const aborting = new AbortController();
    const connections: NetworkConnection[] = [];
    const onConnection = (connection: NetworkConnection) => void connections.push(connection);
    const calling = harness.call(
      'execute_terminal_command',
      { command: `touch started; ${SAY('localhost', port)}` },
      { network: { hosts: [localhost(port)], onConnection } },
      aborting.signal,
    );
    const run = harness.runOf(harness.task());
    while (relaysOf(run).length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [relay = ''] = relaysOf(run);
    if (isRoot) await expectNoRights(relay);
    aborting.abort();
    expect(await calling).toMatchObject({ outcome: 'aborted' });
    expect(relaysOf(run)).toEqual([]);
  });

  test('is none by default: no listener, no variable, no name', async () => {
    const harness = await createHarness();
    const { stdout } = await harness.sh(
      'env | grep -i proxy; cat /etc/hosts; tail -n +2 /proc/net/tcp; ls /etc/nsswitch.conf',
    );
    expect(stdout).toBe('127.0.0.1 localhost ravenhelm\n::1 localhost\n');
  });
});

/** Process ids. */
function relaysOf(run: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    const words = textOf(join('/proc', pid, 'cmdline')).split('\0');
    return words.some((word) => word.endsWith('ravenhelm-relay.pl')) && words.includes(run);
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}

/** As soon as it listens, it is the user of the commands, outside of their sandbox: all of its ids are. */
async function expectNoRights(pid: string): Promise<void> {
  const { uid, gid } = SANDBOX_ACCOUNT;
  const status = () => textOf(`/proc/${pid}/status`);
  while (!new RegExp(`^Uid:\\t${uid}\\t`, 'm').test(status())) await new Promise((resolve) => setImmediate(resolve));
  // Real, effective, saved, and of files.
  expect(status()).toMatch(new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'));
  expect(status()).toMatch(new RegExp(`^Gid:\\t${gid}\\t${gid}\\t${gid}\\t${gid}$`, 'm'));
  expect(status()).toMatch(new RegExp(`^Groups:\\t${gid} *$`, 'm'));
  expect(status()).toMatch(/^CapPrm:\t0+$/m);
  expect(status()).toMatch(/^CapEff:\t0+$/m);
}
