/**
 * `npm run test:unit` is quick: it leaves out tests that take seconds and gives properties a tenth of their runs.
 * `npm test`, `npm run coverage` and `npm run test:unit -- FILE…` are whole (jest.unit.config.mjs).
 */
const isQuick = process.env.RAVENHELM_TEST_QUICK === '1';

/** A test that takes seconds: reported as skipped in a quick run. */
export const longTest: typeof test = isQuick ? test.skip : test;

/** How often a property is tried: `whole` times, in a quick run a tenth of it, rounded up. */
export function propertyRuns(whole: number): number {
  return isQuick ? Math.ceil(whole / 10) : whole;
}
