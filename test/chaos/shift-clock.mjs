// node --import: shifts the wall clock of a process by what the file CHAOS_CLOCK_FILE says (milliseconds), as a jump of
// the system clock would. The product takes the time from Date; monotonic clocks and timers keep running, as in a real
// jump.
import { readFileSync } from 'node:fs';

const file = process.env.CHAOS_CLOCK_FILE;
const TrueDate = Date;
let shiftMs = 0;

if (file) {
  const look = () => {
    try {
      shiftMs = Number(readFileSync(file, 'utf8')) || 0;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  };
  look();
  setInterval(look, 100).unref();
  globalThis.Date = class Date extends TrueDate {
    constructor(...values) {
      if (values.length === 0) super(TrueDate.now() + shiftMs);
      else super(...values);
    }
    static now() {
      return TrueDate.now() + shiftMs;
    }
  };
}
