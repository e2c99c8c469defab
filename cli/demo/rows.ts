import { formatAddress, formatEndpoint, parseAddress } from '../../lib/net/address.js';

/** One client of the demo: its own `address:port`, what a plain server saw of it, what one with toakit saw. */
export interface DemoRow {
  client: string;
  plain: string;
  recovered: string;
  match: boolean;
}

/** What a server, or a client, says about one end of a connection. */
export interface SeenEndpoint {
  address: string;
  port: number;
}

export function demoRow(client: SeenEndpoint, plain: SeenEndpoint, recovered: SeenEndpoint): DemoRow {
  const row = { client: write(client), plain: write(plain), recovered: write(recovered) };
  return { ...row, match: row.client === row.recovered };
}

/** A socket that serves both families shows IPv4 clients as `::ffff:203.0.113.7`; for people that is 203.0.113.7. */
function write({ address, port }: SeenEndpoint): string {
  const parsed = parseAddress(address.replace(/^::ffff:(?=\d+\.)/i, ''));
  return parsed === undefined
    ? `${address}:${port}`
    : formatEndpoint(formatAddress(parsed.bytes, 0, parsed.family), port);
}
