// Twelve services with one durable step that returns 200 characters, and one that runs missions. argv: own port.
import * as restate from '@restatedev/restate-sdk';

// The SDK uses it at each call, and Node 20 does not have it.
Promise.withResolvers ??= function withResolvers() {
  let resolve;
  let reject;
  const promise = new this((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
};

const agents = Array.from({ length: 12 }, (_, agent) => `agent${agent}`);
const services = agents.map((name) =>
  restate.service({
    name,
    handlers: { run: (ctx, { id }) => ctx.run('step', async () => ({ ok: true, id, text: 'x'.repeat(200) })) },
  }),
);
const orchestrator = restate.service({
  name: 'orchestrator',
  handlers: {
    mission: async (ctx, { id, waves, tasks }) => {
      for (let wave = 0; wave < waves; wave += 1)
        await restate.RestatePromise.all(
          Array.from({ length: tasks }, (_, task) =>
            ctx.genericCall({
              service: agents[task % agents.length],
              method: 'run',
              parameter: { id: `${id}-${wave}-${task}` },
              inputSerde: restate.serde.json,
              outputSerde: restate.serde.json,
            }),
          ),
        );
      return { waves };
    },
  },
});
await restate.serve({ services: [...services, orchestrator], port: Number(process.argv[2]) });
process.on('disconnect', () => process.exit());
process.send('ready');
