import Cluster from 'ravenhelm-kafkajs/src/cluster/index.js';
import { isForbidden } from './errors.js';
import { replaceMethod } from './replace-method.js';

/**
 * kafkajs 2.2.4 asks each broker for a group's coordinator and throws away what they answer: who may not see the group
 * gets "Failed to find group coordinator", as where no broker can be reached, and asks again and again
 * (cluster/brokerPool.js withBroker). Here the refusal is what is thrown.
 */
export function nameRefusedCoordinators(): void {
  replaceMethod(
    Cluster?.prototype,
    'findGroupCoordinatorMetadata',
    (find) =>
      async function (this: Cluster, question) {
        try {
          return await find.call(this, question);
        } catch (error) {
          throw (await refusalOf(this, question)) ?? error;
        }
      },
  );
}

async function refusalOf(cluster: Cluster, question: { readonly groupId: string }): Promise<unknown> {
  let refusal: unknown = null;
  await cluster.brokerPool.withBroker(async ({ broker }) => {
    try {
      return await broker.findGroupCoordinator(question);
    } catch (error) {
      if (isForbidden(error)) refusal = error;
      throw error;
    }
  });
  return refusal;
}
