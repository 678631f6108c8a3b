/** What a process of the swarm says on stderr: one line for each event, which the pipe may cut anywhere. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface Listener {
  /** The process serves now. */
  serving(): void;
  /** A partition is set apart: only a person can help. @param line the whole event */
  setApart(line: string): void;
}

export function listenToMember(stderr: Readable, listener: Listener): void {
  createInterface({ input: stderr, crlfDelay: Infinity }).on('line', (line) => {
    if (line.includes('"event":"role.serving"')) listener.serving();
    if (line.includes('"event":"partition.set_apart"')) listener.setApart(line);
  });
}
