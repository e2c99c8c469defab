export { type Exchange, type ExchangeOptions, exchange } from './exchange.js';
export { RawLine } from './raw-line.js';
export type { Carrier, ClientCounts, Ending } from './tcp-client.js';
