import { type Family, formatAddress, type ParsedCidr, parseAddress, parseCidr } from '../../net/address.js';
import type { Faults } from './faults.js';

/**
 * Reads one value of unknown shape. Undefined where it was faulty, which has been told then, or left out where it may be.
 * Parents keep what their sound children gave, so that later checks find the faults between siblings as well.
 */
export type Read<Draft> = (value: unknown, path: string, faults: Faults) => Draft | undefined;

/** What a reader gives. */
export type DraftOf<Reader> = Reader extends Read<infer Draft> ? Draft : never;

export const text: Read<string> = (value, path, faults) => {
  if (typeof value === 'string' && value !== '') return value;
  faults.add(path, value, 'a text that is not empty');
  return undefined;
};

export const flag: Read<boolean> = (value, path, faults) => {
  if (typeof value === 'boolean') return value;
  faults.add(path, value, 'true or false');
  return undefined;
};

export function integer(lowest: number, highest: number): Read<number> {
  return (value, path, faults) => {
    if (Number.isInteger(value) && lowest <= Number(value) && Number(value) <= highest) return Number(value);
    faults.add(path, value, `an integer from ${lowest} to ${highest}`);
    return undefined;
  };
}

const HIGHEST_PORT = 65535;

export const port = integer(1, HIGHEST_PORT);

export function oneOf<const Word extends string>(words: readonly Word[]): Read<Word> {
  return (value, path, faults) => {
    const word = words.find((candidate) => candidate === value);
    if (word === undefined)
      faults.add(path, value, words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`);
    return word;
  };
}

/** An address that a host can have. IPv4-mapped IPv6 is none: on the wire it is IPv4. The draft is canonical text. */
export const hostAddress: Read<string> = (value, path, faults) => {
  const parsed = typeof value === 'string' ? parseAddress(value) : undefined;
  if (parsed && isHost(parsed.bytes, parsed.family)) return formatAddress(parsed.bytes, 0, parsed.family);
  const wanted = 'an IPv4 or IPv6 address';
  faults.add(path, value, parsed ? `${wanted} that a host on a network can have` : wanted);
  return undefined;
};

function isHost(bytes: Uint8Array, family: Family): boolean {
  const [first] = bytes;
  if (family === 4) return first !== 0 && first !== 127 && first! < 224;
  const reserved = bytes.subarray(0, 10).every((byte) => byte === 0); // ::, ::1, IPv4-mapped
  return !reserved && first !== 0xff;
}

/**
 * One address, or a block of nothing but addresses that hosts can have. Bits behind the prefix are a fault: who writes
 * 192.0.2.10/24 means one address. The draft is canonical text, without the prefix of a block of one.
 */
export const hostAddresses: Read<string> = (value, path, faults) => {
  if (typeof value !== 'string' || !value.includes('/')) return hostAddress(value, path, faults);
  const block = parseCidr(value);
  if (!block) return cidr(value, path, faults);
  const { bytes, family, prefix } = block;
  const first = formatAddress(bytes, 0, family);
  if (block.hostBits) {
    faults.add(path, value, `one address, or a block without bits behind its prefix, as ${first}/${prefix}`);
    return undefined;
  }
  if (!isHost(bytes, family) || !isHost(lastOf(block), family)) {
    faults.add(path, value, 'a block of addresses that hosts on a network can have');
    return undefined;
  }
  return prefix === 8 * bytes.length ? first : `${first}/${prefix}`;
};

function lastOf({ bytes, prefix }: ParsedCidr): Uint8Array {
  return bytes.map((byte, index) => byte | (0xff >> Math.min(8, Math.max(0, prefix - 8 * index))));
}

const RANGE = /^([1-9]\d{0,4})-([1-9]\d{0,4})$/;

/** A port, or a range such as `8000-8010`. A range of one is drafted as a port. */
export const portOrRange: Read<number | string> = (value, path, faults) => {
  if (Number.isInteger(value) && 1 <= Number(value) && Number(value) <= HIGHEST_PORT) return Number(value);
  const [, first, last] = (typeof value === 'string' && RANGE.exec(value)) || [];
  if (Number(first) <= Number(last) && Number(last) <= HIGHEST_PORT) {
    return first === last ? Number(first) : `${first}-${last}`;
  }
  const wanted = `an integer from 1 to ${HIGHEST_PORT}, or a range such as "8000-8010", the lower port first`;
  faults.add(path, value, wanted);
  return undefined;
};

/** The draft is canonical text with the bits behind the prefix cleared. */
export const cidr: Read<string> = (value, path, faults) => {
  const parsed = typeof value === 'string' ? parseCidr(value) : undefined;
  if (parsed) return `${formatAddress(parsed.bytes, 0, parsed.family)}/${parsed.prefix}`;
  faults.add(path, value, 'a block of addresses such as 192.0.2.0/24 or 2001:db8::/32');
  return undefined;
};

/** May be left out; the fallback is then read as if it had been written. */
export function optional<Draft>(read: Read<Draft>, fallback?: unknown): Read<Draft> {
  return (value, path, faults) => {
    const given = value === undefined ? fallback : value;
    return given === undefined ? undefined : read(given, path, faults);
  };
}

export function list<Item>(read: Read<Item>, wanted: string, least = 0): Read<(Item | undefined)[]> {
  return (value, path, faults) => {
    if (Array.isArray(value) && value.length >= least) {
      return Array.from(value, (item, index) => read(item, `${path}[${index}]`, faults));
    }
    faults.add(path, value, wanted);
    return undefined;
  };
}

/** A value and where it was written. */
export interface Placed<Value> {
  readonly value: Value;
  readonly path: string;
}

export type OneOrMore<Value> = readonly [Placed<Value>, ...Placed<Value>[]];

/** One value, or a list of at least one. The draft has the sound ones. */
export function oneOrMore<Item>(read: Read<Item>): Read<OneOrMore<Item>> {
  return (value, path, faults) => {
    if (Array.isArray(value) && value.length === 0) faults.add(path, value, 'one, or a list of at least one');
    const given: [unknown, string][] = Array.isArray(value)
      ? Array.from(value, (item, index) => [item, `${path}[${index}]`])
      : [[value, path]];
    const [first, ...others] = given.flatMap(([item, at]) => {
      const draft = read(item, at, faults);
      return draft === undefined ? [] : [{ value: draft, path: at }];
    });
    return first && [first, ...others];
  };
}

type Fields = Readonly<Record<string, Read<unknown>>>;
type ObjectDraft<F extends Fields> = { readonly [Key in keyof F]?: DraftOf<F[Key]> };

/** An object with these keys and no others. Keys whose value is left out or faulty are not in the draft. */
export function object<const F extends Fields>(fields: F): Read<ObjectDraft<F>> {
  return (value, path, faults) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      faults.add(path, value, 'an object');
      return undefined;
    }
    const given = new Map<string, unknown>(Object.entries(value));
    for (const [key, unknown] of given) {
      if (!Object.hasOwn(fields, key)) {
        faults.add(keyPath(path, key), unknown, `one of the keys ${Object.keys(fields).join(', ')}`);
      }
    }
    const draft = Object.entries(fields).flatMap(([key, read]) => {
      const result = read(given.get(key), keyPath(path, key), faults);
      return result === undefined ? [] : [[key, result]];
    });
    return Object.fromEntries(draft) as ObjectDraft<F>;
  };
}

function keyPath(path: string, key: string): string {
  const name = /^\w+$/.test(key) ? key : JSON.stringify(key);
  return path === '' ? name : `${path}.${name}`;
}
