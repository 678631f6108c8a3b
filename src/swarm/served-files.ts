/** What a worker serves of the files of its tasks: artifacts that it has listed, and outputs that the journal names. */
import type { Redact } from '../domain/redaction.js';
import type { FileRoute, NoFile } from '../telemetry/http-files.js';
import { openKeptArtifact, type ArtifactFault } from '../tools/artifacts/kept.js';
import { openOutput, type OutputFault } from '../tools/artifacts/output.js';

const ID = '([A-Za-z0-9][A-Za-z0-9._-]{0,199})';
const DIGEST = '([0-9a-f]{64})';

const UNKNOWN: NoFile = { status: 404, error: 'this worker knows no such file' };
const GONE: NoFile = { status: 410, error: 'the file is not there any more, or cannot be read' };
const CHANGED: NoFile = { status: 410, error: 'the file has changed' };
const SECRET: NoFile = { status: 403, error: 'the file holds a secret' };

const ANSWERS: Readonly<Record<ArtifactFault | OutputFault, NoFile>> = {
  unknown: UNKNOWN,
  gone: GONE,
  changed: CHANGED,
  secret: SECRET,
};

/** @param workspaceRoot absolute */
export function servedFiles(workspaceRoot: string, redact: Redact): readonly FileRoute[] {
  return [
    {
      prefix: '/artifacts/',
      form: new RegExp(`^/artifacts/${ID}/${ID}/${DIGEST}$`),
      async open([missionId = '', taskId = '', digest = ''], signal) {
        const found = await openKeptArtifact(workspaceRoot, { missionId, taskId, digest }, signal);
        return typeof found === 'string' ? ANSWERS[found] : { ...found, digest };
      },
    },
    {
      prefix: '/outputs/',
      form: new RegExp(`^/outputs/${ID}/${ID}/(\\d{1,9})/(\\d{1,9})/(stdout|stderr)/${DIGEST}$`),
      async open([missionId = '', taskId = '', attempt = '', step = '', stream = '', digest = ''], signal) {
        const wanted = { missionId, taskId, attempt: Number(attempt), step: Number(step), digest };
        const isError = stream === 'stderr';
        const found = await openOutput(workspaceRoot, { ...wanted, isError }, redact, signal);
        return typeof found === 'string' ? ANSWERS[found] : { ...found, digest: null };
      },
    },
  ];
}
