// npm run sbom: a bill of materials as CycloneDX 1.5, without a network. See docs/operations.md.
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { createBom } from './sbom/bom.mjs';
import { StepFailed } from './steps/run.mjs';

const HELP = `npm run sbom [-- --out FILE]

Writes a bill of materials in the format CycloneDX 1.5: the npm packages that the program runs with, the programs of the
system that it calls, in the versions of this computer, the container images, and the jars of the local stack, with
their digests if npm run setup has fetched them. Needs no network.

  --out FILE   where to write it; default sbom.cdx.json
  --help       this text

Exit codes: 0 written, 1 something could not be read, 2 wrong use.
`;

process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: { out: { type: 'string', default: 'sbom.cdx.json' }, help: { type: 'boolean', short: 'h' } },
    }));
  } catch (error) {
    process.stderr.write(`${error.message}\nSee npm run sbom -- --help\n`);
    return 2;
  }
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    const bom = await createBom();
    await writeFile(resolve(values.out), `${JSON.stringify(bom, null, 2)}\n`);
    process.stdout.write(`${values.out}: ${bom.components.length} components\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof StepFailed) && error.syscall === undefined) throw error;
    process.stderr.write(`${error.message}\n${error.nextStep === undefined ? '' : `→ ${error.nextStep}\n`}`);
    return 1;
  }
}
