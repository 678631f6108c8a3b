import type { StackPlace } from './stack-place.js';

export type ServiceName = 'broker' | 'registry';

/**
 * The command line of every process of the Java stack names its clone, stack and service. A reused pid is therefore
 * never mistaken for ours, and an error about a port in use can name the clone that uses it. This works on any system
 * that shows command lines, and without a file that could be stale.
 */
export interface ProcessMarker {
  readonly cloneDir: string;
  readonly dataDir: string;
  readonly service: string;
}

/** The JVM arguments that carry the marker, in the order that readMarker expects. */
export function markerArguments(place: StackPlace, service: ServiceName): readonly string[] {
  return [
    `-Dravenhelm.clone=${place.cloneDir}`,
    `-Dravenhelm.stack=${place.dataDir}`,
    `-Dravenhelm.service=${service}`,
  ];
}

const MARKER = /-Dravenhelm\.clone=(.+?) -Dravenhelm\.stack=(.+?) -Dravenhelm\.service=(\w+)/;

/** The marker on a command line; null if it does not belong to a Ravenhelm stack. */
export function readMarker(commandLine: string): ProcessMarker | null {
  const [, cloneDir, dataDir, service] = MARKER.exec(commandLine) ?? [];
  if (cloneDir === undefined || dataDir === undefined || service === undefined) return null;
  return { cloneDir, dataDir, service };
}

export function isOurs(commandLine: string, place: StackPlace, service: ServiceName): boolean {
  const marker = readMarker(commandLine);
  return marker !== null && marker.dataDir === place.dataDir && marker.service === service;
}
