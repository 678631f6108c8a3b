import Broker, { type MadeRequest, type RequestArguments } from 'ravenhelm-kafkajs/src/broker/index.js';
import { replaceMethod } from './replace-method.js';

/** Changes how a request is written or its answer is read. @param made as kafkajs makes it of the arguments */
export type ChangeRequest = (args: RequestArguments, made: MadeRequest) => MadeRequest;

const changed = new WeakSet<Broker['lookupRequest']>();

/** Each request of these APIs, by their number in the protocol, is changed before it is sent. */
export function changeRequests(changes: ReadonlyMap<number, ChangeRequest>): void {
  // Each connect gives the broker a new function for the versions that the other end speaks.
  replaceMethod(
    Broker?.prototype,
    'connect',
    (connect) =>
      async function (this: Broker) {
        await connect.call(this);
        this.lookupRequest = changing(this.lookupRequest, changes);
      },
  );
}

function changing(
  lookUp: Broker['lookupRequest'],
  changes: ReadonlyMap<number, ChangeRequest>,
): Broker['lookupRequest'] {
  if (changed.has(lookUp)) return lookUp;
  const replaced: Broker['lookupRequest'] = (apiKey, definition) => {
    const create = lookUp(apiKey, definition);
    const change = changes.get(apiKey);
    return change === undefined ? create : (args) => change(args, create(args));
  };
  changed.add(replaced);
  return replaced;
}
