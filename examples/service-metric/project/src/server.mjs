import { createServer } from 'node:http';
import { createMetrics } from './metrics.mjs';
import { OutOfStock, UnknownItem } from './stock.mjs';

/** The service: POST /take/ITEM?count=N takes goods, GET /metrics is for Prometheus. Not listening yet. */
export function createService(stock) {
  const metrics = createMetrics();
  const requests = metrics.counter('http_requests_total', 'Requests by method and status.', ['method', 'status']);

  return createServer((request, response) => {
    const { status, text } = answer(request);
    requests.add({ method: request.method, status });
    response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4' }).end(text);
  });

  function answer({ method, url }) {
    const { pathname, searchParams } = new URL(url, 'http://stock');
    if (method === 'GET' && pathname === '/metrics') return { status: 200, text: metrics.text() };
    const [, item] = /^\/take\/([\w-]+)$/.exec(pathname) ?? [];
    if (method !== 'POST' || item === undefined) return { status: 404, text: 'not found\n' };
    const count = Number(searchParams.get('count') ?? 1);
    if (!Number.isInteger(count) || count < 1) return { status: 400, text: 'count: a whole number from 1\n' };
    return take(item, count);
  }

  function take(item, count) {
    try {
      return { status: 200, text: `${stock.take(item, count)} left\n` };
    } catch (error) {
      if (error instanceof OutOfStock) return { status: 409, text: `${error.message}\n` };
      if (error instanceof UnknownItem) return { status: 404, text: `${error.message}\n` };
      throw error;
    }
  }
}
