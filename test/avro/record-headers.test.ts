import { createHash } from 'node:crypto';
import { createRecordHeaders } from '../../src/avro/record-headers.js';
import { statusRequest, taskProgress } from '../contract/events.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('record headers', () => {
  test('describe the record of a mission, with a trace id of the mission and a span id of the event', () => {
    const event = taskProgress('m-1', 'deploy-cert_agent-wave1', 2);
    expect(createRecordHeaders().of(event)).toEqual({
      event_type: 'task_progress',
      mission_id: 'm-1',
      task_id: 'deploy-cert_agent-wave1',
      attempt: '2',
      traceparent: `00-${sha256('m-1').slice(0, 32)}-${sha256(event.event_id).slice(0, 16)}-01`,
    });
  });

  test('of one mission share the trace id in every process', () => {
    const traces = [createRecordHeaders(), createRecordHeaders()].map(
      (headers) => headers.of(taskProgress('m-1', 't', 1))['traceparent']?.split('-')[1],
    );
    expect(new Set(traces).size).toBe(1);
  });

  test('of a mission that continues its caller’s trace carry that trace, and the request the caller’s span', () => {
    const headers = createRecordHeaders();
    const caller = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: false };
    const event = taskProgress('m-1', 't', 1);
    expect(headers.of(event, caller)['traceparent']).toBe(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`);

    headers.continueTrace('m-1', caller);
    const span = sha256(event.event_id).slice(0, 16);
    expect(headers.of(event)['traceparent']).toBe(`00-${'a'.repeat(32)}-${span}-00`);
    const ofAnother = headers.of(taskProgress('m-2', 't', 1))['traceparent'];
    expect(ofAnother).toContain(sha256('m-2').slice(0, 32));
  });

  test('omit fields that an event lacks', () => {
    const event = statusRequest('r');
    expect(createRecordHeaders().of(event)).toEqual({
      event_type: 'request_status',
      traceparent: `00-${sha256(event.event_id).slice(0, 32)}-${sha256(event.event_id).slice(0, 16)}-01`,
    });
  });
});
