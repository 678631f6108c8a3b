/** The process of an owner id (roles/shared/owner-id.ts), which everybody may know. */
export function processOfOwner(owner: string): string {
  const end = owner.lastIndexOf('/');
  return end < 0 ? '' : owner.slice(0, end);
}
