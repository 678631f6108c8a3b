import { assemble, type Line } from './assembler.js';
import { CALL_NUMBERS, NEWEST_CALL, type Architecture, type CallName } from './call-numbers.js';

/** Refused with EPERM whatever their arguments are. */
const REFUSED: readonly CallName[] = [
  // Other processes: their memory, descriptors and calls.
  ...(['ptrace', 'process_vm_readv', 'process_vm_writev', 'kcmp', 'pidfd_getfd'] as const),
  // Keyrings belong to a user id, which all sandboxes of a worker share.
  ...(['add_key', 'request_key', 'keyctl'] as const),
  // Large parts of the kernel that ordinary programs do without.
  ...(['bpf', 'perf_event_open', 'userfaultfd', 'io_uring_setup', 'io_uring_enter', 'io_uring_register'] as const),
  // Mounts and namespaces; clone and unshare have rules below.
  ...(['mount', 'umount2', 'pivot_root', 'chroot', 'move_mount', 'open_tree', 'open_tree_attr'] as const),
  ...(['fsopen', 'fsconfig', 'fsmount', 'fspick', 'mount_setattr', 'setns'] as const),
  // Files by handle pass by the directories above them; fanotify sees files of others.
  ...(['open_by_handle_at', 'name_to_handle_at', 'fanotify_init'] as const),
  // Messages that lie in queues of System V are memory of no process, and are not measured.
  'msgget',
  // The kernel itself, and its log.
  ...(['kexec_load', 'kexec_file_load', 'reboot', 'syslog'] as const),
  ...(['init_module', 'finit_module', 'delete_module', 'create_module', 'query_module', 'get_kernel_syms'] as const),
  ...(['acct', 'quotactl', 'quotactl_fd', 'swapon', 'swapoff', 'vhangup', 'iopl', 'ioperm', 'modify_ldt'] as const),
  // No longer used.
  ...(['nfsservctl', 'lookup_dcookie', 'uselib', 'ustat', 'sysfs', '_sysctl'] as const),
];

/**
 * Answered as by a kernel that is too old for them, so that programs use clone and openat. Their flags are in memory,
 * where a filter cannot read them.
 */
const UNKNOWN: readonly CallName[] = ['clone3', 'openat2'];

// struct seccomp_data of linux/seccomp.h. Both architectures are little-endian: the low half of an argument is first.
const NUMBER = 0;
const ARCHITECTURE = 4;
const argument = (index: number): Line => ({ load: 16 + 8 * index });
const highHalf = (index: number): Line => ({ load: 20 + 8 * index });

const ALLOW = 0x7fff_0000;
const KILL_PROCESS = 0x8000_0000;
const error = (errno: number): number => 0x0005_0000 | errno;
const ENDS = {
  allow: ALLOW,
  kill: KILL_PROCESS,
  eperm: error(1),
  einval: error(22),
  enosys: error(38),
  eprotonosupport: error(93),
  eafnosupport: error(97),
} as const;
type End = keyof typeof ENDS;

/** AUDIT_ARCH_* of linux/audit.h. Calls of 32-bit programs have another one, and other numbers. */
const AUDIT: Readonly<Record<Architecture, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };

/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET of linux/sched.h. */
const NEW_NAMESPACES = 0x7e02_0080;
/** The same without CLONE_NEWTIME, whose bit belongs to the exit signal in clone. */
const NEW_NAMESPACES_OF_CLONE = 0x7e02_0000;

/** S_ISUID and S_ISGID. */
const SET_ID_BITS = 0o6000;
/** O_CREAT and __O_TMPFILE: only with one of them has open a mode. */
const CREATES = 0o20000100;

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
/** SOCK_STREAM, SOCK_DGRAM and SOCK_RAW; the bits above are flags. */
const SOCKET_TYPES = [1, 2, 3];
const SOCKET_TYPE_BITS = 0xf;
/** Whatever fits the type, and ICMP, TCP, UDP and ICMPv6. Others load rarely used protocols into the kernel. */
const PROTOCOLS = [0, 1, 6, 17, 58];

/** TIOCSTI and TIOCLINUX type into a terminal; TIOCSETD loads a line discipline into the kernel. */
const TERMINAL_COMMANDS = [0x5412, 0x541c, 0x5423];

/**
 * Of System V, whose memory belongs to no process and is measured only while one has it attached. A page for each
 * segment is what PostgreSQL needs; Linux has 4,096 segments, so 16 MiB, and 32,000 sets of semaphores, 41 MiB. What is
 * larger gets the kernel's own answer to it.
 */
const SEGMENT_BYTES = 4_096;
const SEMAPHORES_OF_A_SET = 16;
/** Rounds a segment up to a huge page. */
const SHM_HUGETLB = 0o4000;

const PERSONALITY_QUERY = 0xffff_ffff;

/** The loaded word decides: one of the values goes to the label, any other to the next line. */
const oneOf = (values: readonly number[], ifTrue: string): Line[] =>
  values.map((value) => ({ jump: 'equal', value, ifTrue }));
const end = (name: End): Line => ({ return: ENDS[name] });

/** A mode of chmod or mknod. */
const modeRule = (index: number): readonly Line[] => [
  argument(index),
  { jump: 'anyBit', value: SET_ID_BITS, ifTrue: 'eperm', ifFalse: 'allow' },
];

const openRule = (flags: number): readonly Line[] => [
  argument(flags),
  { jump: 'anyBit', value: CREATES, ifFalse: 'allow' },
  ...modeRule(flags + 1),
];

/**
 * Rules for calls that depend on an argument. The kernel reads 32 bits of each, so the high half does not matter; a
 * segment's size has both.
 */
const RULES: readonly { readonly calls: readonly CallName[]; readonly lines: readonly Line[] }[] = [
  {
    calls: ['clone'],
    lines: [argument(0), { jump: 'anyBit', value: NEW_NAMESPACES_OF_CLONE, ifTrue: 'eperm', ifFalse: 'allow' }],
  },
  {
    calls: ['unshare'],
    lines: [argument(0), { jump: 'anyBit', value: NEW_NAMESPACES, ifTrue: 'eperm', ifFalse: 'allow' }],
  },
  { calls: ['ioctl'], lines: [argument(1), ...oneOf(TERMINAL_COMMANDS, 'eperm'), end('allow')] },
  { calls: ['personality'], lines: [argument(0), ...oneOf([0, PERSONALITY_QUERY], 'allow'), end('eperm')] },
  {
    calls: ['socket', 'socketpair'],
    lines: [
      argument(0),
      ...oneOf([AF_UNIX, AF_NETLINK], 'allow'),
      ...oneOf([AF_INET, AF_INET6], 'internet'),
      end('eafnosupport'),
      { label: 'internet' },
      argument(1),
      { and: SOCKET_TYPE_BITS },
      ...oneOf(SOCKET_TYPES, 'protocol'),
      end('eprotonosupport'),
      { label: 'protocol' },
      argument(2),
      ...oneOf(PROTOCOLS, 'allow'),
      end('eprotonosupport'),
    ],
  },
  {
    calls: ['shmget'],
    lines: [
      highHalf(1),
      { jump: 'equal', value: 0, ifFalse: 'einval' },
      argument(1),
      { jump: 'above', value: SEGMENT_BYTES, ifTrue: 'einval' },
      argument(2),
      { jump: 'anyBit', value: SHM_HUGETLB, ifTrue: 'eperm', ifFalse: 'allow' },
    ],
  },
  {
    calls: ['semget'],
    lines: [argument(1), { jump: 'above', value: SEMAPHORES_OF_A_SET, ifTrue: 'einval', ifFalse: 'allow' }],
  },
  { calls: ['chmod', 'fchmod', 'creat', 'mknod'], lines: modeRule(1) },
  { calls: ['fchmodat', 'fchmodat2', 'mknodat'], lines: modeRule(2) },
  { calls: ['open'], lines: openRule(1) },
  { calls: ['openat'], lines: openRule(2) },
];

/** Whether there is a filter for the architecture; the argument is process.arch. */
export function hasFilter(architecture: string): architecture is Architecture {
  return Object.hasOwn(AUDIT, architecture);
}

/**
 * The system call filter of all sandboxes: an array of struct sock_filter for `bwrap --seccomp`. A call that is not
 * named is allowed, except those that are newer than this table, which get ENOSYS. The kernel keeps the filter through
 * execve, and for all children.
 */
export function filterFor(architecture: Architecture): Buffer {
  const numbersOf = (names: readonly CallName[]): readonly number[] =>
    names.flatMap((name) => CALL_NUMBERS[name][architecture] ?? []);
  return assemble([
    { load: ARCHITECTURE },
    { jump: 'equal', value: AUDIT[architecture], ifFalse: 'kill' },
    { load: NUMBER },
    ...oneOf(numbersOf(UNKNOWN), 'enosys'),
    // Also refuses the numbers of x32, which are above.
    { jump: 'above', value: NEWEST_CALL, ifTrue: 'enosys' },
    ...RULES.flatMap(({ calls }, index) => oneOf(numbersOf(calls), `rule ${index}`)),
    ...oneOf(numbersOf(REFUSED), 'eperm'),
    end('allow'),
    ...RULES.flatMap(({ lines }, index): Line[] => [{ label: `rule ${index}` }, ...lines]),
    ...Object.entries(ENDS).flatMap(([label, value]): Line[] => [{ label }, { return: value }]),
  ]);
}
