/** Ids of the swarm's processes: ROLE-HOST-PID-XXXX, where XXXX is a part of a UUID. */

/** Tells a process from the others of its swarm, on any computer. */
export const processNameOf = (host: string, pid: number): string => `${host}-${pid}`;

/** The id of a role in a process, which is another one after each start. */
export const processIdOf = (role: string, processName: string, uuid: string): string =>
  `${role}-${processName}-${uuid.slice(0, SUFFIX_LETTERS)}`;

const SUFFIX_LETTERS = 4;

/** Whether the role with this id runs in this process. */
export const runsIn = (id: string, role: string, processName: string): boolean =>
  id.startsWith(`${role}-${processName}-`);

/** Whether the role with this id runs on this computer; a name that only begins as this one is another computer's. */
export function runsOn(id: string, role: string, host: string): boolean {
  const prefix = `${role}-${host}-`;
  return id.startsWith(prefix) && /^\d+-[\da-f]{4}$/.test(id.slice(prefix.length));
}
