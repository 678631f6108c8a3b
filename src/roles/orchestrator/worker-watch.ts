/** Reads the status topic: signs of life show which workers serve which agents, and what they hold. */
import type { Watch } from '../../ports/log.js';
import type { OrchestratorContext } from './orchestrator-context.js';

/** Live processes are asked immediately, so that no task waits for the next heartbeat. Rejects as Log.watch does. */
export async function watchWorkers(context: OrchestratorContext): Promise<Watch> {
  const { log, topics, processId, ids } = context.deps;
  const watch = await log.watch({
    topics: [topics.status],
    reader: 'orchestrator',
    from: 'end',
    onRecord({ content }) {
      if (content.kind !== 'event') return;
      const { event } = content;
      if (event.event_type === 'service_stopped') return context.live.onSign(event);
      if (event.event_type !== 'heartbeat' && event.event_type !== 'status_report') return;
      context.live.onSign(event);
      for (const { partition, ...spending } of event.payload.spent) context.cap.note(partition, spending);
      context.taskPartitions.onHeld(event.payload.partitions);
    },
    onFatal: context.onFatal,
  });
  context.presence.send({
    type: 'request_status',
    from: processId,
    payload: { request_id: ids.uuid(), requested_by: processId },
  });
  return watch;
}
