import type { Sighting } from '../../lib/capture/index.js';
import { formatEndpoint } from '../../lib/net/address.js';

const names = { syn: 'SYN', ack: 'handshake ACK', data: 'first data' } as const;

/** What is written beside a packet, for tshark and Wireshark to show; undefined where there is nothing to say. */
export function packetComment({ role, reading, trusted }: Sighting): string | undefined {
  const { client, refusal, record, kind, length, oddities } = reading;
  if (refusal === 'none') return undefined;
  const option = kind === 0 ? '' : ` (kind ${kind}, length ${length})`;
  const what = client
    ? `${record!.format} names client ${formatEndpoint(client.address, client.port)}`
    : `no client: ${refusal}${option}`;
  const remarks = [trusted === false && client ? 'from an untrusted peer' : '', ...oddities].filter(Boolean);
  return `TOA on the ${names[role]}: ${[what, ...remarks].join(', ')}`;
}
