/** The stub of Ollama in a separate process, as a model server always is. Prints its URL when it is ready. */
import { sayReady } from './child-process.js';
import { startStubOllama } from './stubs.js';

const server = await startStubOllama(JSON.parse(process.argv[2] ?? '{}'));
sayReady(server.url, () => server.close());
