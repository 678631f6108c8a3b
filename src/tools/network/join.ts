import type { Duplex } from 'node:stream';

/** Passes bytes in both directions. An end is passed on; a connection that breaks breaks the other one. */
export function join(one: Duplex, other: Duplex): void {
  one.pipe(other);
  other.pipe(one);
  breakWith(one, other);
  breakWith(other, one);
}

function breakWith(one: Duplex, other: Duplex): void {
  one.on('error', () => other.destroy());
  one.on('close', () => {
    // Closed after both ends: what is on its way to the other one still arrives.
    if (!one.readableEnded || !one.writableFinished) other.destroy();
  });
}
