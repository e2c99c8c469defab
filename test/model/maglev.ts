/** Maglev's table as the paper tells it: every real server's whole list of preferences, then taken in turns. */
import { sipHashModel } from './sip-hash.js';

export const SLOTS = 4093;

export interface MaglevServer {
  /** An IPv4 address as uint32. */
  readonly address: number;
  readonly port: number;
  readonly weight: number;
}

function hash(word: number, secret: bigint): number {
  const bytes = new Uint8Array(Uint32Array.of(word).buffer);
  return Number(BigInt.asUintN(32, sipHashModel([secret, secret], bytes, 1, 3)));
}

export function offsetAndSkip({ address, port }: MaglevServer): [offset: number, skip: number] {
  const word = (address + port) % 2 ** 32;
  return [hash(word, 2654435761n) % SLOTS, (hash(word, 2654446892n) % (SLOTS - 1)) + 1];
}

/** Slots in a turn, in proportion to the weights, the most below 64. */
export function turnsOf(weights: readonly number[]): number[] {
  const most = Math.max(...weights);
  let divisor = most;
  while (divisor > 1 && weights.some((weight) => weight % divisor !== 0)) divisor--;
  let unit = divisor;
  while (Math.floor(most / unit) >= 64) unit *= 2;
  return weights.map((weight) => (weight === 0 ? 0 : Math.max(1, Math.floor(weight / unit))));
}

/** For each slot the position of its real server; empty when no weight is above 0. */
export function maglevModel(servers: readonly MaglevServer[]): number[] {
  const turns = turnsOf(servers.map((server) => server.weight));
  if (!turns.some((turn) => turn > 0)) return [];
  const preferences = servers.map((server) => {
    const [offset, skip] = offsetAndSkip(server);
    return Array.from({ length: SLOTS }, (_, i) => (offset + i * skip) % SLOTS).values();
  });
  const slots = new Map<number, number>();
  while (slots.size < SLOTS) {
    for (const [position, preference] of preferences.entries()) {
      for (let turn = 0; turn < turns[position]! && slots.size < SLOTS; turn++) {
        let slot: number;
        do slot = preference.next().value!;
        while (slots.has(slot));
        slots.set(slot, position);
      }
    }
  }
  return Array.from({ length: SLOTS }, (_, slot) => slots.get(slot)!);
}
