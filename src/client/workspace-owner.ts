/** Who owns a directory that a mission is to work in, and what is in it. */
import { foreignFiles as foreignIn, workspaceProblem } from '../tools/workspace-owner.js';
import { isFileSystemError } from '../agent/text-file.js';

export { workspaceProblem };

/** None where it does not exist, or cannot be read. */
export async function foreignFiles(directory: string, asOwner: boolean): Promise<readonly string[]> {
  try {
    return await foreignIn(directory, asOwner);
  } catch (error) {
    if (isFileSystemError(error)) return [];
    throw error;
  }
}
