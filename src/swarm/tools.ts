import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Redact } from '../domain/redaction.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { noMetrics, type Metrics } from '../ports/metrics.js';
import type { ToolExecutor } from '../ports/tools.js';
import { TOOL_DEFINITIONS } from '../tools/definitions.js';
import { limitsLine, openCgroups } from '../tools/cgroups.js';
import { workspaceMarker } from '../tools/places.js';
import { probeSandbox } from '../tools/probe.js';
import { NO_PROVISIONS, type Provisions } from '../tools/provisions.js';
import type { ReadOnlyBind, SystemOptions } from '../tools/sandbox.js';
import { createToolExecutor } from '../tools/tool-executor.js';

export interface OpenToolsOptions {
  /** Where the missions' workspaces lie; absolute. Made when it is not there. */
  readonly workspaceRoot: string;
  /** false: commands run with the rights of this process. */
  readonly sandbox: boolean;
  /** No step begins when the workspaces' disk has less free, in MiB; absent: DEFAULT_MIN_FREE_MB. */
  readonly minFreeMb?: number;
  /** The snapshots of a workspace may take so much, in MiB; absent: 10,240. */
  readonly snapshotsMb?: number;
  /** What agents may have beyond their workspaces; absent: nothing. */
  readonly provisions?: Provisions;
  /** The directory of the installed package, which has toolbox/. */
  readonly packageDir: string;
  /** Absolute path of the node that agents' commands find as `node`. */
  readonly nodePath: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: nothing is counted. */
  readonly metrics?: Metrics;
  readonly redact: Redact;
}

export interface OpenTools {
  readonly tools: ToolExecutor;
  /** Says which sandbox is used, and why. */
  readonly line: string;
  /** Whether commands run with the rights of this process. */
  readonly sandboxOff: boolean;
  /** Says how the limits of calls hold; null: it is not known yet, or commands are refused. */
  readonly limitsLine: string | null;
  /** Why commands are refused here; null: they are not. */
  readonly degradedReason: string | null;
  /** Resolves when nothing more is written below the workspaces' root by opening them. Never rejects. */
  readonly opened: Promise<void>;
}

/** Room for the outputs and outcomes of the steps that run. */
const DEFAULT_MIN_FREE_MB = 256;

const AT_ONCE = Promise.resolve();

/** Packages that the toolbox's programs import; node looks for them there from /toolbox. */
const TOOLBOX_PACKAGES = ['yaml', '@electric-sql/pglite'];

/** The tools, in the sandbox as it can be built here. One that cannot refuses commands; the line says the fix. */
export async function openTools(options: OpenToolsOptions): Promise<OpenTools> {
  const { workspaceRoot, minFreeMb = DEFAULT_MIN_FREE_MB, provisions = NO_PROVISIONS } = options;
  const { clock, logger, redact, metrics = noMetrics } = options;
  const system = await systemOptions(options);
  const [sandbox, cgroups] = await Promise.all([
    options.sandbox ? probeSandbox(system) : ('off' as const),
    openCgroups(),
  ]);
  const limits = options.snapshotsMb === undefined ? {} : { snapshotsMb: options.snapshotsMb };
  const place = { ...system, workspaceRoot, sandbox, cgroups, minFreeMb, ...limits };
  const tools = createToolExecutor({ ...place, provisions, clock, logger, redact, metrics });
  if (sandbox === 'off')
    return {
      tools,
      line: 'Sandbox: off, as you have asked: commands run with your rights on this computer',
      limitsLine: limitsLine(cgroups),
      sandboxOff: true,
      degradedReason: null,
      opened: AT_ONCE,
    };
  if (sandbox.ok)
    return {
      tools,
      line: `Sandbox: bubblewrap ${sandbox.version} with a system call filter`,
      sandboxOff: false,
      limitsLine: limitsLine(cgroups),
      degradedReason: null,
      opened: AT_ONCE,
    };
  const degradedReason = `the sandbox cannot be built, so commands are refused: ${sandbox.reason}. ${sandbox.fix}`;
  const refused = { limitsLine: null, sandboxOff: false, degradedReason, opened: AT_ONCE };
  return { tools, line: `Sandbox: ${degradedReason}`, ...refused };
}

/**
 * The same without waiting for the sandbox's probe: the first tool call waits for it. Rejects for a workspace root that
 * cannot be used; a sandbox that cannot be built is logged.
 */
export async function openToolsInBackground(options: OpenToolsOptions): Promise<OpenTools> {
  if (!options.sandbox) return openTools(options);
  await workspaceMarker(options.workspaceRoot);
  const opening = openTools(options);
  const opened = opening.then(
    ({ degradedReason, limitsLine: limits }) => {
      if (limits !== null) options.logger.info({ line: limits }, 'sandbox.limits');
      if (degradedReason !== null) options.logger.warn({ degradedReason }, 'sandbox.unusable');
    },
    () => undefined, // each tool call rejects with it
  );
  return {
    tools: whenOpened(opening),
    line: 'Sandbox: being tried',
    limitsLine: null,
    sandboxOff: false,
    degradedReason: null,
    opened,
  };
}

function whenOpened(opened: Promise<OpenTools>): ToolExecutor {
  const executor = async () => (await opened).tools;
  return {
    definitions: () => TOOL_DEFINITIONS,
    takeFence: async (...call) => (await executor()).takeFence(...call),
    recoverOutcome: async (...call) => (await executor()).recoverOutcome(...call),
    takeSnapshot: async (...call) => (await executor()).takeSnapshot(...call),
    noteSnapshot: async (...call) => (await executor()).noteSnapshot(...call),
    listArtifacts: async (...call) => (await executor()).listArtifacts(...call),
    prepareWorkspace: async (...call) => (await executor()).prepareWorkspace(...call),
    checkWorkspace: async (...call) => (await executor()).checkWorkspace(...call),
    run: async (...call) => (await executor()).run(...call),
    runChecks: async (...call) => (await executor()).runChecks(...call),
    takeBaseline: async (...call) => (await executor()).takeBaseline(...call),
    runInEmpty: async (...call) => (await executor()).runInEmpty(...call),
    changedPaths: async (...call) => (await executor()).changedPaths(...call),
  };
}

async function systemOptions({ workspaceRoot, packageDir, nodePath }: OpenToolsOptions): Promise<SystemOptions> {
  await workspaceMarker(workspaceRoot);
  return {
    toolboxDir: join(packageDir, 'toolbox'),
    extraBinds: packageBinds(packageDir),
    nodePath,
  };
}

/** A package that is not installed is left out: the optional ones need not be. */
function packageBinds(packageDir: string): readonly ReadOnlyBind[] {
  return TOOLBOX_PACKAGES.flatMap((name) => {
    const source = installedPackage(packageDir, name);
    return source === null ? [] : [{ source, target: `/node_modules/${name}` }];
  });
}

/** As node finds it: in the package's own node_modules or in that of a project that has the package installed. */
function installedPackage(packageDir: string, name: string): string | null {
  for (let directory = packageDir; ; directory = dirname(directory)) {
    const candidate = join(directory, 'node_modules', name);
    if (existsSync(candidate)) return candidate;
    if (dirname(directory) === directory) return null;
  }
}
