export default async function globalTeardown() {
  await globalThis.ravenhelmTestBroker?.stop();
}
