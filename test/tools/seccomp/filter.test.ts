import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble, type Line } from '../../../src/tools/seccomp/assembler.js';
import {
  CALL_NUMBERS,
  NEWEST_CALL,
  type Architecture,
  type CallName,
} from '../../../src/tools/seccomp/call-numbers.js';
import { filterFor, hasFilter } from '../../../src/tools/seccomp/filter.js';
import { runFilter } from './run-filter.js';

const ARCHITECTURES: readonly Architecture[] = ['x64', 'arm64'];
const names = Object.keys(CALL_NUMBERS) as CallName[];

/** Files of the kernel's numbers: the extract that is checked in, and the headers of this computer. */
const HEADERS: Readonly<Record<Architecture, readonly string[]>> = {
  x64: [join('test/tools/seccomp/unistd-x64.txt'), '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'],
  arm64: [join('test/tools/seccomp/unistd-arm64.txt'), '/usr/include/asm-generic/unistd.h'],
};

const numbersIn = (file: string): ReadonlyMap<string, number> =>
  new Map(
    [...readFileSync(file, 'utf8').matchAll(/^#define __NR_(\w+)\s+(\d+)$/gm)].map(([, name = '', number]) => [
      name,
      Number(number),
    ]),
  );

describe.each(ARCHITECTURES)('call numbers of %s', (architecture) => {
  const [extract = '', system = ''] = HEADERS[architecture];

  test('are those of the extract of the kernel’s header, and no call is missing', () => {
    const inKernel = numbersIn(extract);
    expect(inKernel.size).toBeGreaterThan(50);
    for (const name of names)
      expect([name, CALL_NUMBERS[name][architecture]]).toEqual([name, inKernel.get(name) ?? null]);
  });

  (existsSync(system) ? test : test.skip)('are those of this computer’s header', () => {
    const inKernel = numbersIn(system);
    const newest = Math.max(...inKernel.values());
    for (const name of names) {
      const number = CALL_NUMBERS[name][architecture];
      // A header that is older than a call does not have it.
      if (number !== null && number > newest) expect(inKernel.has(name)).toBe(false);
      else expect([name, number]).toEqual([name, inKernel.get(name) ?? null]);
    }
  });
});

const DEPEND_ON_ARGUMENTS: ReadonlySet<CallName> = new Set([
  ...(['clone', 'unshare', 'ioctl', 'personality', 'socket', 'socketpair', 'shmget', 'semget'] as const),
  ...(['chmod', 'fchmod', 'fchmodat', 'fchmodat2', 'creat', 'mknod', 'mknodat', 'open', 'openat'] as const),
]);

const ALLOWED = 'allow';
const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;

describe.each(ARCHITECTURES)('the filter of %s', (architecture) => {
  const filter = filterFor(architecture);
  const audit = { x64: 0xc000003e, arm64: 0xc00000b7 }[architecture];
  const raw = (number: number, ...args: readonly (number | bigint)[]) => runFilter(filter, audit, number, args);
  const call = (name: CallName, ...args: readonly (number | bigint)[]) => {
    const number = CALL_NUMBERS[name][architecture];
    return number === null ? null : raw(number, ...args);
  };

  test('is small, and each instruction has 8 bytes', () => {
    expect(filter.length % 8).toBe(0);
    expect(filter.length / 8).toBeLessThan(200);
  });

  test('kills a program that makes calls of another architecture', () => {
    for (const other of [0x40000003, 0x40000028, audit ^ 0x8000_0000, 0])
      expect(runFilter(filter, other, 1, [])).toBe('kill');
  });

  test('answers ENOSYS to clone3, openat2, x32 and calls that are newer than the table', () => {
    expect([call('clone3'), call('openat2')]).toEqual([ENOSYS, ENOSYS]);
    for (const number of [NEWEST_CALL + 1, 1000, 0x4000_0000, 0x4000_0027, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])
      expect(raw(number)).toBe(ENOSYS);
    expect(raw(NEWEST_CALL)).toBe(ALLOWED);
  });

  test.each(names.filter((name) => !DEPEND_ON_ARGUMENTS.has(name) && name !== 'clone3' && name !== 'openat2'))(
    'refuses %s whatever its arguments are',
    (name) => {
      for (const args of [[], [0, 0, 0], [1, 2, 3], [-1, -1, -1]]) expect([EPERM, null]).toContain(call(name, ...args));
    },
  );

  test.each([
    ['CLONE_NEWTIME', 0x80, false],
    ['CLONE_NEWNS', 0x20000, true],
    ['CLONE_NEWCGROUP', 0x2000000, true],
    ['CLONE_NEWUTS', 0x4000000, true],
    ['CLONE_NEWIPC', 0x8000000, true],
    ['CLONE_NEWUSER', 0x10000000, true],
    ['CLONE_NEWPID', 0x20000000, true],
    ['CLONE_NEWNET', 0x40000000, true],
  ])('refuses clone and unshare with %s, alone and among other flags', (_, flag, inClone) => {
    for (const flags of [flag, flag | 0x400, BigInt(flag) | (1n << 32n)]) {
      expect(call('unshare', flags)).toBe(EPERM);
      expect(call('clone', flags)).toBe(inClone ? EPERM : ALLOWED);
    }
  });

  test('allows threads, children and unshared files', () => {
    // Flags of pthread_create, fork and vfork.
    for (const flags of [0x3d0f00, 0x1200011, 0x4111]) expect(call('clone', flags)).toBe(ALLOWED);
    for (const flags of [0x400, 0x200]) expect(call('unshare', flags)).toBe(ALLOWED);
  });

  test('refuses ioctl TIOCSTI, TIOCLINUX and TIOCSETD, also with bits that the kernel does not read', () => {
    for (const command of [0x5412, 0x541c, 0x5423])
      for (const value of [BigInt(command), BigInt(command) | (0xffff_ffffn << 32n)])
        expect(call('ioctl', 0, value)).toBe(EPERM);
    expect(call('ioctl', 0, 0x5401)).toBe(ALLOWED);
    expect(call('ioctl', 0x5412, 0x5401)).toBe(ALLOWED);
  });

  test('allows sockets of the families unix, inet, inet6 and netlink only', () => {
    for (const name of ['socket', 'socketpair'] as const)
      for (let family = 0; family < 64; family += 1)
        for (const value of [BigInt(family), BigInt(family) | (1n << 32n)])
          expect([family, call(name, value, 1, 0)]).toEqual([family, [1, 2, 10, 16].includes(family) ? ALLOWED : 97]);
  });

  test('allows internet sockets of ordinary types and protocols only', () => {
    const SOCK_NONBLOCK_CLOEXEC = 0o2004000;
    for (const family of [2, 10]) {
      for (const type of [1, 2, 3, 1 | SOCK_NONBLOCK_CLOEXEC]) expect(call('socket', family, type, 0)).toBe(ALLOWED);
      // RDM, SEQPACKET (SCTP), DCCP, PACKET.
      for (const type of [4, 5, 6, 10, 6 | SOCK_NONBLOCK_CLOEXEC]) expect(call('socket', family, type, 0)).toBe(93);
      for (const protocol of [0, 1, 6, 17, 58]) expect(call('socket', family, 2, protocol)).toBe(ALLOWED);
      // DCCP, SCTP, UDP-Lite, MPTCP.
      for (const protocol of [33, 132, 136, 262]) expect(call('socket', family, 1, protocol)).toBe(93);
    }
    expect(call('socket', 1, 5, 0)).toBe(ALLOWED);
  });

  test('refuses modes with the setuid or setgid bit, where a call has a mode', () => {
    for (const mode of [0o4755, 0o2755, 0o6000]) {
      for (const name of ['chmod', 'fchmod', 'creat', 'mknod'] as const)
        expect([EPERM, null]).toContain(call(name, 0, mode));
      for (const name of ['fchmodat', 'fchmodat2', 'mknodat'] as const) expect(call(name, 0, 0, mode)).toBe(EPERM);
      for (const flags of [0o101, 0o20200002]) {
        expect([EPERM, null]).toContain(call('open', 0, flags, mode));
        expect(call('openat', 0, 0, flags, mode)).toBe(EPERM);
      }
    }
  });

  test('allows ordinary modes, the sticky bit, and any value where open has no mode', () => {
    expect(call('fchmodat', -100, 0, 0o1777)).toBe(ALLOWED);
    expect(call('fchmod', 3, 0o755)).toBe(ALLOWED);
    expect(call('openat', -100, 0, 0o101, 0o666)).toBe(ALLOWED);
    expect(call('openat', -100, 0, 0o200000, 0o6755)).toBe(ALLOWED);
    expect(call('mknodat', -100, 0, 0o10644)).toBe(ALLOWED);
  });

  test('refuses segments of System V above a page, huge pages, and sets of more than 16 semaphores', () => {
    for (const size of [0, 1, 56, 4096]) expect(call('shmget', 0, size, 0o1600)).toBe(ALLOWED);
    for (const size of [4097, 1 << 20, 1n << 32n, (1n << 32n) + 56n, -1])
      expect(call('shmget', 0, size, 0)).toBe(EINVAL);
    for (const flags of [0o4000, 0o5600]) expect(call('shmget', 0, 56, flags)).toBe(EPERM);
    for (const count of [0, 1, 16]) expect(call('semget', 0, count, 0o1600)).toBe(ALLOWED);
    for (const count of [17, 32_000, -1]) expect(call('semget', 0, count, 0o1600)).toBe(EINVAL);
  });

  test('refuses every personality but the ordinary one; asking for it is allowed', () => {
    expect([call('personality', 0), call('personality', 0xffff_ffff)]).toEqual([ALLOWED, ALLOWED]);
    for (const value of [0x0040000, 0x8, 0x20000, 1]) expect(call('personality', value)).toBe(EPERM);
  });
});

test('other architectures have no filter', () => {
  expect(['x64', 'arm64', 'arm', 'ia32', 's390x', 'constructor'].filter(hasFilter)).toEqual(['x64', 'arm64']);
});

test('the assembler refuses jumps to labels that are missing, behind or too far ahead', () => {
  const jump: Line = { jump: 'equal', value: 1, ifTrue: 'end' };
  const end: readonly Line[] = [{ label: 'end' }, { return: 0 }];
  const lines = (count: number): readonly Line[] => Array.from({ length: count }, () => ({ load: 0 }));
  expect(assemble([jump, ...lines(255), ...end])).toHaveLength(257 * 8);
  expect(() => assemble([jump, ...lines(256), ...end])).toThrow('end');
  expect(() => assemble([...end, jump])).toThrow('end');
  expect(() => assemble([jump])).toThrow('end');
});
