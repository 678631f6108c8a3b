import type { Log } from './log.js';

/** Logs on which a swarm of this process runs commands without a sandbox. */
const unsandboxed = new WeakSet<Log>();

/** From now on what clients of this process append to the log says that its commands have no sandbox. */
export const noteUnsandboxed = (log: Log): void => void unsandboxed.add(log);

export const isUnsandboxed = (log: Log): boolean => unsandboxed.has(log);
