import { createService } from './server.mjs';
import { createStock } from './stock.mjs';

const port = Number(process.env.PORT ?? 8080);
const server = createService(createStock({ bolt: 500, nut: 800, washer: 40 }));
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}`));
