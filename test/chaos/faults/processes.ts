/** Processes that die, and processes that are paused for longer than their session timeout. */
import type { Fault, World } from '../fault.js';
import type { RoleName } from '../fleet.js';

const crash = (role: RoleName): Fault => ({
  name: `kill-${role}s`,
  what: `SIGKILL of ${role}s, one after the other`,
  recovery: 'a supervisor starts new ones',
  takes: `${role}s`,
  async strike(world) {
    for (const member of shuffled(world, role).slice(0, 2)) {
      await member.crash();
      await world.site.pause(world.random.between(500, 4_000));
    }
    await Promise.all(world.fleet.of(role).map((member) => member.serving()));
  },
});

const freeze = (role: RoleName): Fault => ({
  name: `freeze-${role}s`,
  what: `SIGSTOP of one ${role} for longer than the session timeout, then SIGCONT`,
  recovery: 'it continues with its old state, and detects that it has lost its partitions',
  takes: `${role}s`,
  async strike(world) {
    const [member] = shuffled(world, role);
    if (member === undefined) return;
    member.freeze();
    try {
      await world.site.pause(world.sessionTimeoutMs + world.random.between(2_000, 8_000));
    } finally {
      member.thaw();
    }
  },
});

function shuffled({ fleet, random }: World, role: RoleName) {
  return fleet
    .of(role)
    .map((member) => ({ member, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ member }) => member);
}

export const PROCESS_FAULTS: readonly Fault[] = [
  crash('worker'),
  crash('orchestrator'),
  freeze('worker'),
  freeze('orchestrator'),
];
