import { type Family, formatAddress, parseAddress, parseCidr } from '../../net/address.js';
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

export const port = integer(1, 65535);

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
