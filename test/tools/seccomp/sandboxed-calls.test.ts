/** The filter in a real sandbox: a program makes each call and prints its errno. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CALL_NUMBERS, type CallName } from '../../../src/tools/seccomp/call-numbers.js';
import { isForbidden, placeForUser, runAsUser } from '../as-user.js';
import { createHarness, removeTemporaryDirectories } from '../harness.js';

const isRoot = process.getuid?.() === 0;
const onX64 = process.arch === 'x64' ? describe : describe.skip;

afterAll(removeTemporaryDirectories);

const OK = 0;
const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;
const EPROTONOSUPPORT = 93;
const EAFNOSUPPORT = 97;

/** Arguments as perl writes them, so that texts and high halves are possible. */
type Try = readonly [call: CallName, args: string, errno: number];

const refused = (args: string, ...calls: readonly CallName[]): Try[] => calls.map((call) => [call, args, EPERM]);

const TRIES: readonly Try[] = [
  ...refused('0, 0, 0, 0', 'ptrace', 'process_vm_readv', 'process_vm_writev', 'kcmp', 'pidfd_getfd'),
  ...refused('"user", "a", "b", 1, -4', 'add_key', 'request_key'),
  ...refused('0, -4, 0', 'keyctl', 'bpf', 'perf_event_open', 'userfaultfd'),
  ...refused('1, "\\0" x 120', 'io_uring_setup', 'io_uring_enter', 'io_uring_register'),
  ...refused('"/tmp", "/tmp", "tmpfs", 0, 0', 'mount', 'umount2', 'pivot_root', 'chroot'),
  ...refused('-1, 0, 0, 0, 0', 'move_mount', 'open_tree', 'open_tree_attr', 'fsopen', 'fsconfig', 'fsmount', 'fspick'),
  ...refused('-1, 0, 0, 0, 0', 'mount_setattr', 'setns', 'name_to_handle_at', 'open_by_handle_at', 'fanotify_init'),
  ...refused('0, 0, 0', 'kexec_load', 'kexec_file_load', 'init_module', 'finit_module', 'delete_module'),
  ...refused('0, 0, 0, 0', 'reboot', 'syslog', 'acct', 'quotactl', 'quotactl_fd', 'swapon', 'swapoff', 'vhangup'),
  ...refused('0, 0, 0', 'iopl', 'ioperm', 'modify_ldt', 'uselib', 'ustat', 'sysfs', '_sysctl', 'nfsservctl'),
  ...refused('0, 0, 0', 'lookup_dcookie', 'create_module', 'query_module', 'get_kernel_syms'),
  ['clone3', '"\\0" x 64, 64', ENOSYS],
  ['openat2', '-100, "/tmp", "\\0" x 24, 24', ENOSYS],
  // CLONE_NEWUSER and SIGCHLD; CLONE_NEWNS; CLONE_NEWNET; CLONE_NEWTIME.
  ['clone', '0x10000011, 0, 0, 0, 0', EPERM],
  ['clone', '0x20011, 0, 0, 0, 0', EPERM],
  ['unshare', '0x10000000', EPERM],
  ['unshare', '0x110000400', EPERM],
  ['unshare', '0x80', EPERM],
  ['unshare', '0x400', OK],
  // TIOCSTI, with and without bits above the 32 that the kernel reads; TIOCLINUX.
  ['ioctl', '0, 0x5412, "x"', EPERM],
  ['ioctl', '0, 0x700005412, "x"', EPERM],
  ['ioctl', '0, 0x541c, "x"', EPERM],
  // AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK; then AF_VSOCK, AF_PACKET, AF_ALG, AF_BLUETOOTH, AF_TIPC and AF_XDP.
  ...['1, 1, 0', '2, 1, 0', '2, 2, 17', '10, 1, 6', '16, 3, 0'].map((args): Try => ['socket', args, OK]),
  ...[40, 17, 38, 31, 30, 44].map((family): Try => ['socket', `${family}, 5, 0`, EAFNOSUPPORT]),
  ['socket', '0x100000028, 1, 0', EAFNOSUPPORT],
  ['socketpair', '30, 1, 0, "\\0" x 8', EAFNOSUPPORT],
  ['socketpair', '1, 1, 0, "\\0" x 8', OK],
  // SCTP and DCCP.
  ['socket', '2, 1, 132', EPROTONOSUPPORT],
  ['socket', '2, 6, 33', EPROTONOSUPPORT],
  // A page of System V, more, and huge pages; 16 semaphores, and more; a queue of messages.
  ['shmget', '0, 4096, 0600', OK],
  ['shmget', '0, 4097, 0600', EINVAL],
  ['shmget', '0, 0x100000001, 0600', EINVAL],
  ['shmget', '0, 4096, 04600', EPERM],
  ['semget', '0, 16, 0600', OK],
  ['semget', '0, 17, 0600', EINVAL],
  ['msgget', '0, 0600', EPERM],
  ['personality', '0xffffffff', OK],
  ['personality', '0x40000', EPERM],
  // Files with the setuid or setgid bit, by each call that can make one; ordinary files and modes.
  ['open', '"made", 0101, 0644', OK],
  ['chmod', '"made", 0755', OK],
  ['chmod', '"made", 04755', EPERM],
  ['fchmodat', '-100, "made", 02755', EPERM],
  ['fchmodat2', '-100, "made", 06755, 0', EPERM],
  ['fchmod', '0, 04711', EPERM],
  ['creat', '"set", 04755', EPERM],
  ['open', '"set", 0101, 04755', EPERM],
  ['openat', '-100, "set", 0101, 02755', EPERM],
  ['openat', '-100, ".", 020200002, 04755', EPERM],
  ['openat', '-100, "made", 0, 06755', OK],
  ['mknod', '"set", 0104755, 0', EPERM],
  ['mknodat', '-100, "set", 0102755, 0', EPERM],
];

/** Each call in a separate process, because some, where they are allowed, end or change the process. */
const PERL = [
  'use strict; use warnings; no warnings "portable";',
  'sub try { my ($name, $number, @args) = @_; my $pid = fork; if ($pid) { waitpid $pid, 0; return }',
  '  $! = 0; my $result = syscall($number, @args); my $errno = $result == -1 ? $! + 0 : 0;',
  '  syswrite STDOUT, "$name $errno\\n"; require POSIX; POSIX::_exit(0) }',
  ...TRIES.map(([name, args], index) => `try("${index}:${name}", ${CALL_NUMBERS[name].x64}, ${args});`),
  // The number of getpid as x32 has it, and one that no kernel has.
  `try("x32", 0x40000027); try("future", 9999);`,
].join('\n');

/** An ELF file whose only code is a 32-bit call: exit(7). */
const INT80 = [
  'perl -e \'my $code = "\\xb8\\x01\\x00\\x00\\x00\\xbb\\x07\\x00\\x00\\x00\\xcd\\x80";',
  'print "\\x7fELF\\x02\\x01\\x01" . "\\0" x 9',
  ' . pack("S<S<L<Q<Q<Q<L<S<S<S<S<S<S<", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)',
  ' . pack("L<L<Q<Q<Q<Q<Q<Q<", 1, 5, 0, 0x400000, 0x400000, 132, 132, 4096) . $code\' > int80;',
  'chmod 755 int80; ./int80; echo "int80 $?"',
].join(' ');

const COMMAND = `cat > calls.pl <<'PERL'\n${PERL}\nPERL\nperl calls.pl; grep '^Seccomp:' /proc/self/status\n${INT80}`;

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

function expectRefusals({ stdout, stderr }: Output): void {
  const lines = stdout.trim().split('\n');
  const expected = TRIES.map(([name, , errno], index) => `${index}:${name} ${errno}`);
  expect(lines.filter((line) => /^\d+:/.test(line))).toEqual(expected);
  // 159: ended by SIGSYS.
  expect(lines.slice(expected.length)).toEqual([`x32 ${ENOSYS}`, `future ${ENOSYS}`, 'Seccomp:\t2', 'int80 159']);
  expect(stderr).toMatch(/^(Bad system call.*\s*)?$/);
}

/** Programs that the filter must not disturb: threads, children, sockets, archives, modes. */
const ORDINARY: Readonly<Record<string, string>> = {
  node: [
    `node -e "new (require('worker_threads').Worker)`,
    `('require(\\'child_process\\').execSync(\\'true\\')', { eval: true })`,
    `.on('exit', (code) => process.exit(code))"`,
  ].join(''),
  npm: [
    'command -v npm >/dev/null || exit 0',
    'mkdir n && cd n && npm init -y >/dev/null && npm pack --offline >/dev/null && ls *.tgz',
  ].join('; '),
  python: [
    'command -v python3 >/dev/null || exit 0; python3 -c "import threading, subprocess, multiprocessing as m, socket',
    "t = threading.Thread(target=print); t.start(); t.join(); subprocess.run(['true'], check=True)",
    'p = m.Process(target=print); p.start(); p.join(); socket.socketpair()"',
  ].join('; '),
  java: [
    'command -v java >/dev/null || exit 0;',
    "printf 'public class A { public static void main(String[] a) throws Exception {",
    'Thread t = new Thread(() -> System.out.println(1)); t.start(); t.join();',
    'new ProcessBuilder("true").start().waitFor(); } }\' > A.java && java -Xmx128m A.java',
  ].join(' '),
  git: [
    'git init -q g && cd g && git config user.email a@b && git config user.name a && echo x > f',
    'git add f && git commit -qm m && git clone -q . ../h && git gc -q',
  ].join(' && '),
  tar: [
    'mkdir t && echo x > t/f && chmod 755 t/f && tar czf t.tgz t && rm -r t && tar xzf t.tgz && test -x t/f',
    'cp -p t/f t/g && install -m 755 t/f t/h && mkfifo t/p && mktemp -d -p t',
  ].join(' && '),
};
const ordinaryCommand = Object.entries(ORDINARY)
  .map(([name, command]) => `(${command}) >out 2>&1 && echo "${name} works" || { echo "${name} fails"; cat out >&2; }`)
  .join('\n');
const ordinaryOutput = Object.keys(ORDINARY)
  .map((name) => `${name} works\n`)
  .join('');

onX64('in the sandbox', () => {
  test('each refused call has its errno, and ordinary programs work', async () => {
    const harness = await createHarness();
    expectRefusals(await harness.sh(COMMAND));
    const ordinary = await harness.sh(ordinaryCommand, { timeLimitMs: 50_000 });
    expect([ordinary.stdout, ordinary.stderr]).toEqual([ordinaryOutput, '']);
    expect(existsSync(join(harness.workspace(), 'set'))).toBe(false);
    expect(statSync(join(harness.workspace(), 'made')).mode & 0o7777).toBe(0o755);
  });

  (isRoot ? test : test.skip)('the same in a sandbox of a user other than root', async () => {
    const place = placeForUser();
    const module = `
      const observe = async (command) =>
        JSON.parse((await call('execute_terminal_command', { command }, 50000)).observation);
      const [calls, ordinary] = ${JSON.stringify([COMMAND, ordinaryCommand])};
      console.log(JSON.stringify({ sandbox, calls: await observe(calls), ordinary: await observe(ordinary) }));
    `;
    const results = JSON.parse(await runAsUser(place, module));
    // Where user namespaces are forbidden, test/tools/other-user.test.ts says so.
    if (isForbidden(results.sandbox)) return;
    expect(results.sandbox).toMatchObject({ mode: 'user' });
    expectRefusals(results.calls);
    expect([results.ordinary.stdout, results.ordinary.stderr]).toEqual([ordinaryOutput, '']);
    expect(existsSync(join(place.root, 'm1/set'))).toBe(false);
  });
});
