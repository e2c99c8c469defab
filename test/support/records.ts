/** A balancer's connections as text, read from its records. */
import {
  CLIENT,
  CLIENT_PORTS,
  EXPIRES,
  FLAG_TEMPLATE,
  FLAG_UDP,
  OWNER,
  RECORD_WORDS,
  SERVER,
  STATE,
  STATE_MASK,
  VIP,
} from '../../lib/balancer/connection/record.js';
import { STATES } from '../../lib/balancer/connection/state.js';
import type { Balancer } from '../../lib/balancer/index.js';
import { addressText, concat, u32 } from './wire.js';

/** `tcp CLIENT PORT > VIP PORT → SERVER state until TICK`, in no order; templates left out. */
export function connectionsOf({ connections }: Balancer): string[] {
  const { words, used } = connections;
  const texts: string[] = [];
  for (let base = 0; base < used * RECORD_WORDS; base += RECORD_WORDS) {
    const state = words[base + STATE]!;
    if (state === 0 || (state & FLAG_TEMPLATE) !== 0) continue;
    const address = (at: number) => addressAt(words, base + at);
    const ports = words[base + CLIENT_PORTS]!;
    const protocol = (state & FLAG_UDP) === 0 ? 'tcp' : 'udp';
    const client = `${address(CLIENT)} ${ports >>> 16}`;
    const vip = `${address(VIP)} ${ports & 0xffff}`;
    const fate = `${STATES[state & STATE_MASK]} until ${words[base + EXPIRES]}`;
    texts.push(`${protocol} ${client} > ${vip} → ${address(SERVER)} ${fate}`);
  }
  return texts;
}

/** `SERVICE CLIENT → SERVER until TICK`: templates, the service by its position and the client masked, in no order. */
export function templatesOf({ connections, services, realServers }: Balancer): string[] {
  const { words, used } = connections;
  const texts: string[] = [];
  for (let base = 0; base < used * RECORD_WORDS; base += RECORD_WORDS) {
    if ((words[base + STATE]! & FLAG_TEMPLATE) === 0) continue;
    const owner = words[base + OWNER]!;
    const service = services.find(({ index }) => index === owner >>> 16);
    const server = realServers[owner & 0xffff]!;
    const client = addressAt(words, base + CLIENT);
    const address = text(server.address);
    texts.push(`${service?.index} ${client} → ${address} until ${words[base + EXPIRES]}`);
  }
  return texts;
}

/** The address that stands at `at` in a record. */
export function addressAt(words: Int32Array, at: number): string {
  return text(words.subarray(at, at + 4));
}

/** Four words; IPv4 as IPv4-mapped. */
function text(words: Int32Array): string {
  const bytes = concat(...Array.from(words, (word) => u32(word >>> 0)));
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return addressText(mapped ? bytes.slice(12) : bytes);
}
