/** The sandbox was turned off in production. */
export class SandboxRequired extends Error {
  readonly code = 'sandbox_required';
  readonly retriable = false;
  readonly nextStep = 'Leave out tools.sandbox. `npm run setup` says how to get bubblewrap.';

  constructor() {
    super(
      'createSwarm: tools.sandbox: false is refused with NODE_ENV=production: ' +
        'commands of agents would run with the rights of this process',
    );
    this.name = 'SandboxRequired';
  }
}

/**
 * Throws SandboxRequired. NODE_ENV is the only variable that the library reads, and it can only make it refuse
 * (test/architecture/support/rules.ts has this exception).
 */
export function refuseInProduction(): void {
  if (process.env['NODE_ENV'] === 'production') throw new SandboxRequired();
}
