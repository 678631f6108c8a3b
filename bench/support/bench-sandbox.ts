/** Measures the sandbox as the user of this process, and prints what it found as JSON. */
import { measureParts } from '../speed/sandbox-parts.js';

const [, , root = '', rounds = '1'] = process.argv;
process.stdout.write(JSON.stringify(await measureParts(root, Number(rounds))));
