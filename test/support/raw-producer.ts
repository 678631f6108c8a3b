/** Writes record batches as they are: byte for byte what another client has put together. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { wholeFrames } from '../../src/kafka/whole-frames.js';
import type { PartitionId } from '../../src/ports/log.js';

const PRODUCE_V7 = Buffer.from([0, 0, 0, 7, 0, 0, 0, 1]);
const NO_CLIENT_ID = Buffer.from([0xff, 0xff]);
const NO_TRANSACTION = Buffer.from([0xff, 0xff]);
const ALL_REPLICAS = Buffer.from([0xff, 0xff]);

/**
 * Resolves with the base offset that the broker gave it. The broker must lead the partition.
 * @throws Error with the protocol's error code
 */
export async function produceRaw(broker: string, { topic, partition }: PartitionId, batch: Buffer): Promise<number> {
  const name = Buffer.from(topic);
  const request = Buffer.concat([
    ...[PRODUCE_V7, NO_CLIENT_ID, NO_TRANSACTION, ALL_REPLICAS, int32(30_000), int32(1), int16(name.length), name],
    ...[int32(1), int32(partition), int32(batch.length), batch],
  ]);
  const [host, port] = broker.split(/:(?=\d+$)/);
  const socket = connect(Number(port), host);
  try {
    const answered = new Promise<Buffer>((resolve, reject) => {
      socket.on('data', wholeFrames(resolve));
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('the broker has closed the connection')));
    });
    await once(socket, 'connect');
    socket.write(Buffer.concat([int32(request.length), request]));
    const answer = await answered;
    // Behind length, correlation id, the topic, and the partition's number.
    const at = 4 + 4 + 4 + 2 + name.length + 4 + 4;
    const errorCode = answer.readInt16BE(at);
    if (errorCode !== 0) throw new Error(`the broker refuses the batch: error ${errorCode}`);
    return Number(answer.readBigInt64BE(at + 2));
  } finally {
    socket.destroy();
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
