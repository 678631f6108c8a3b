import type { ToolCall } from '../ports/tools.js';
import { withEngine, type EngineCall } from './engine/call-engine.js';
import { withNetwork } from './network/with-network.js';
import type { RunPlace } from './places.js';
import type { ToolRuntime } from './tool-runtime.js';

/**
 * Runs a launcher in a place with what its call may reach: the hosts of its network, and a container engine. When this
 * resolves or rejects, every connection is closed. Throws CallRefused if the sockets of one of them
 * cannot be made.
 */
export function withAccess<T>(
  runtime: ToolRuntime,
  place: RunPlace,
  { task, limits, network, mayWrite }: Pick<ToolCall, 'task' | 'limits' | 'network'> & Pick<EngineCall, 'mayWrite'>,
  run: (place: RunPlace) => Promise<T>,
): Promise<T> {
  return withNetwork(runtime, place, network, (at) =>
    withEngine(runtime, { missionId: task.missionId, place: at, limits, mayWrite }, run),
  );
}
