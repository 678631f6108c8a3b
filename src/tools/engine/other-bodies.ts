/** The bodies of all requests but the one that makes a container. */
import { z } from 'zod';
import { labelsOf } from './container-body.js';
import {
  addressText,
  aliases,
  checked,
  fields,
  flag,
  ignored,
  isUnset,
  labelMap,
  maybe,
  oneOf,
  text,
  unset,
  userName,
  variables,
  whole,
  workingDirectory,
} from './fields.js';
import { isProjectName, type Project } from './project.js';
import { RequestRefused } from './refusal.js';

const network = fields({
  Name: z.string(),
  CheckDuplicate: ignored,
  Driver: oneOf(['bridge'], 'must be bridge'),
  Scope: oneOf(['local'], 'must be local'),
  Internal: ignored,
  Attachable: flag,
  EnableIPv4: ignored,
  EnableIPv6: maybe(z.boolean()),
  IPAM: maybe(
    fields({
      Driver: oneOf(['default'], 'must be default'),
      Config: unset('is refused: addresses could be those of another network'),
      Options: unset('is refused'),
    }),
  ),
  Options: unset('is refused: a driver could open the network to others'),
  Labels: labelMap,
});

/** A network of the project. Its containers reach one another and nothing else. Throws RequestRefused. */
export function networkBody(given: unknown, project: Project): object {
  const { IPAM: _, ...body } = checked(network, given);
  requireOwnName(body.Name, project);
  return { ...body, Driver: 'bridge', Internal: true, Labels: labelsOf(body.Labels, project) };
}

const volume = fields({
  Name: z.string(),
  Driver: oneOf(['local'], 'must be local'),
  DriverOpts: unset('is refused: they can mount any directory of the computer'),
  Labels: labelMap,
  ClusterVolumeSpec: unset('is refused'),
});

export function volumeBody(given: unknown, project: Project): object {
  const body = checked(volume, given);
  requireOwnName(body.Name, project);
  return { ...body, Driver: 'local', Labels: labelsOf(body.Labels, project) };
}

/** Throws RequestRefused. */
export function requireOwnName(name: string, project: Project): void {
  if (isProjectName(name, project)) return;
  throw new RequestRefused(
    `names begin with ${project.name}_ or ${project.name}-; leave them to compose ` +
      '(no container_name, and no name: of a network or volume)',
    403,
    name,
  );
}

const exec = fields({
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  Tty: flag,
  DetachKeys: text,
  ConsoleSize: ignored,
  Detach: ignored,
  Env: variables,
  WorkingDir: workingDirectory,
  User: userName,
  Cmd: z.union([z.string(), z.array(z.string())]),
  Privileged: unset('is refused: it would give the command the whole computer'),
});

/** @param user whom the container runs as, if it must run as one only; null: any */
export function execBody(given: unknown, user: string | null): object {
  const body = checked(exec, given);
  if (user !== null && body.User !== undefined && body.User !== '' && body.User !== user)
    throw new RequestRefused(`User must be ${user}: the container may write to the workspace`);
  return body;
}

export function execStartBody(given: unknown): object {
  return checked(fields({ Detach: flag, Tty: flag, ConsoleSize: ignored }), given);
}

const connection = fields({
  Container: z.string().regex(/^[\w][\w.-]*$/, 'must name a container'),
  EndpointConfig: maybe(
    fields({ Aliases: aliases, IPAMConfig: maybe(fields({ IPv4Address: addressText, IPv6Address: addressText })) }),
  ),
  Force: flag,
  GwPriority: whole,
});

export function connectionBody(given: unknown): z.output<typeof connection> {
  return checked(connection, given);
}

/** Requests such as start, which once had a body. Throws RequestRefused. */
export function emptyBody(given: unknown): undefined {
  if (!isUnset(given)) throw new RequestRefused('the body must be empty');
  return undefined;
}
