import type { ToaFormat } from './registry.js';

/** Who else writes options of kind 253 and 254: the first bytes behind kind and length are an ExID (RFC 6994, IANA's registry). */
const experiments: readonly { readonly name: string; readonly exid: readonly number[] }[] = [
  { name: 'TCP Fast Open', exid: [0xf9, 0x89] },
  { name: 'SMC', exid: [0xe2, 0xd4, 0xc3, 0xd9] },
  { name: 'BPF', exid: [0xeb, 0x9f] },
  { name: 'HOST_ID', exid: [0x03, 0x48] },
];

const isExperimental = (kind: number) => kind === 253 || kind === 254;

/** The name of the experiment that an option of kind 253 or 254 belongs to by its ExID; undefined for none that is known. */
export function experimentAt(bytes: Uint8Array, option: number): string | undefined {
  if (!isExperimental(bytes[option]!)) return undefined;
  const end = option + bytes[option + 1]!;
  const found = experiments.find(
    ({ exid }) =>
      option + 2 + exid.length <= end && exid.every((byte, index) => bytes[option + 2 + index] === byte),
  );
  return found?.name;
}

/** Whether a client's port, where it stands in this format, is what an ExID begins with: 63881 is TCP Fast Open's. */
export function portLooksLikeExid(format: ToaFormat, port: number): boolean {
  if (!isExperimental(format.kind) || format.client?.port !== 2) return false;
  return experiments.some(({ exid }) => port === (exid[0]! << 8) + exid[1]!);
}
