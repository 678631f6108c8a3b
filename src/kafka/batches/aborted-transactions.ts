/** A transaction that was aborted, as the broker names it beside the records. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

export interface AbortedTransactions {
  /** Transactions that begin up to there are under way now. */
  advanceTo(offset: number): void;
  isAborted(producerId: bigint): boolean;
  /** The marker at its end was read. */
  ended(producerId: bigint): void;
}

/**
 * Which producers' records belong to an aborted transaction, while the batches of an answer are read in order.
 *
 * KafkaJS 2.2.4 takes the list for sorted, which it is not (by their ends, if at all), begins one transaction for each
 * record it sees, and takes each record with the key 00000000 for a marker: so records of aborted transactions reach
 * the reader. This is the Java client's way: CompletedFetch.java, consumeAbortedTransactionsUpTo.
 */
export function createAbortedTransactions(all: readonly AbortedTransaction[]): AbortedTransactions {
  const waiting = [...all].sort((a, b) => b.firstOffset - a.firstOffset);
  const underWay = new Set<bigint>();
  return {
    advanceTo(offset) {
      for (let next = waiting.at(-1); next !== undefined && next.firstOffset <= offset; next = waiting.at(-1)) {
        underWay.add(next.producerId);
        waiting.pop();
      }
    },
    isAborted: (producerId) => underWay.has(producerId),
    ended: (producerId) => void underWay.delete(producerId),
  };
}
