/** The user inside the sandbox when the worker is root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user of sandboxes that root starts; it owns the workspaces below WORKSPACE_ROOT. A high, unassigned id, because
 * other programs without a user share 65534.
 */
export const SANDBOX_ACCOUNT: Account = { uid: 61337, gid: 61337 };
