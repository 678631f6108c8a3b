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

/** Bits of a mode, as of one class of users. */
export const RIGHTS = { read: 4, search: 1, list: 5 } as const;

/**
 * Whether a file's mode gives an account these rights. Root reads every file, so what it opens for an agent must be
 * compared; the account has no other groups. Lists of rights (ACL) are not looked at: what only they give is refused.
 */
export function hasRights(
  { uid, gid, mode }: { readonly uid: number | bigint; readonly gid: number | bigint; readonly mode: number | bigint },
  account: Account,
  rights: number,
): boolean {
  const shift = Number(uid) === account.uid ? 6 : Number(gid) === account.gid ? 3 : 0;
  return ((Number(mode) >> shift) & rights) === rights;
}
