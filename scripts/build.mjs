// npm run build: generates the events' types and compiles src/ to dist/, unless dist/ is up to date.
import { build } from './steps/build.mjs';
import { StepFailed } from './steps/run.mjs';

try {
  process.stdout.write(`build: ${await build()}\n`);
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
