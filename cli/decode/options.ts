import {
  OPTION_END,
  OPTION_FAST_OPEN,
  OPTION_MPTCP,
  OPTION_MSS,
  OPTION_NOP,
  OPTION_SACK,
  OPTION_SACK_PERMITTED,
  OPTION_TIMESTAMP,
  OPTION_WINDOW_SCALE,
  optionLength,
} from '../../lib/net/tcp.js';
import { decodeToa, experimentAt, type FormatSet, type ToaFormat } from '../../lib/toa/index.js';

/** Some bytes of an option, and what they say. Offsets count from the first byte that was given. */
export interface Field {
  readonly offset: number;
  readonly bytes: string;
  readonly says: string;
}

/** An option of a list, or what is left of the list where it ends or breaks. */
export interface DecodedOption extends Field {
  /** Undefined for the bytes behind the end of the list. */
  readonly kind: number | undefined;
  readonly length: number;
  /** The format of TOA that it has. */
  readonly format: string | undefined;
  readonly fields: readonly Field[];
}

interface Known {
  readonly name: string;
  /** Lengths that it can have. */
  readonly lengths: readonly number[];
  /** What the bytes behind kind and length say. */
  readonly value?: (view: DataView) => string;
}

const range = (from: number, to: number, step = 1) =>
  Array.from({ length: (to - from) / step + 1 }, (_, index) => from + step * index);

/** Options that have nothing to do with TOA, out of IANA's registry. */
const known: ReadonlyMap<number, Known> = new Map<number, Known>([
  [OPTION_MSS, { name: 'maximum segment size', lengths: [4], value: (view) => `${view.getUint16(0)}` }],
  [OPTION_WINDOW_SCALE, { name: 'window scale', lengths: [3], value: (view) => `${view.getUint8(0)}` }],
  [OPTION_SACK_PERMITTED, { name: 'SACK permitted', lengths: [2] }],
  [OPTION_SACK, { name: 'SACK', lengths: range(10, 34, 8), value: sackBlocks }],
  [
    OPTION_TIMESTAMP,
    { name: 'timestamps', lengths: [10], value: (view) => `${view.getUint32(0)}, echo ${view.getUint32(4)}` },
  ],
  [19, { name: 'MD5 signature', lengths: [18] }],
  [28, { name: 'user timeout', lengths: [4], value: userTimeout }],
  [29, { name: 'authentication (TCP-AO)', lengths: range(4, 40) }],
  [OPTION_MPTCP, { name: 'multipath TCP', lengths: range(3, 40) }],
  [OPTION_FAST_OPEN, { name: 'Fast Open cookie', lengths: [2, ...range(6, 18, 2)] }],
]);

function sackBlocks(view: DataView): string {
  return range(0, view.byteLength - 8, 8)
    .map((at) => `${view.getUint32(at)}-${view.getUint32(at + 4)}`)
    .join(', ');
}

/** RFC 5482: the highest bit says whether the rest counts minutes or seconds. */
function userTimeout(view: DataView): string {
  const value = view.getUint16(0);
  return `${value & 0x7fff} ${value & 0x8000 ? 'minutes' : 'seconds'}`;
}

/** Whether `[at, end)` is a list of options that are all known, or of a format's kind and length, to its very end. */
export function isOptionList(bytes: Uint8Array, formats: FormatSet): boolean {
  for (let at = 0; at < bytes.length; ) {
    const kind = bytes[at]!;
    if (kind === OPTION_END) return bytes.subarray(at).every((byte) => byte === 0);
    const length = optionLength(bytes, at, bytes.length);
    if (length === 0) return false;
    const isKnown =
      kind === OPTION_NOP ||
      known.get(kind)?.lengths.includes(length) ||
      formats.match(kind, length) !== undefined ||
      experimentAt(bytes, at) !== undefined;
    if (!isKnown) return false;
    at += length;
  }
  return bytes.length > 0;
}

/** The options in `[start, end)` one by one, all bytes accounted for. */
export function decodeOptions(
  bytes: Uint8Array,
  start: number,
  end: number,
  formats: FormatSet,
): DecodedOption[] {
  const options: DecodedOption[] = [];
  let at = start;
  while (at < end) {
    const kind = bytes[at]!;
    const length = optionLength(bytes, at, end);
    if (length === 0) break;
    options.push(
      kind === OPTION_NOP ? option(bytes, at, 1, 'no operation') : decodeOption(bytes, at, length, formats),
    );
    at += length;
  }
  if (at < end) options.push(...decodeRest(bytes, at, end));
  return options;
}

function decodeOption(bytes: Uint8Array, at: number, length: number, formats: FormatSet): DecodedOption {
  const kind = bytes[at]!;
  const format = formats.match(kind, length);
  const isFormat = format && decodeToa(format, bytes, at) !== undefined;
  if (isFormat)
    return {
      ...option(bytes, at, length, format.id),
      format: format.id,
      fields: toaFields(bytes, at, format),
    };
  const standard = known.get(kind);
  if (standard?.lengths.includes(length)) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at + 2, length - 2);
    const value = standard.value?.(view) ?? hexOf(bytes, at + 2, at + length);
    return option(bytes, at, length, value === '' ? standard.name : `${standard.name} ${value}`);
  }
  return option(bytes, at, length, strangeness(bytes, at, kind, length, format, formats));
}

/** In words, why an option is not TOA though it might be, or that it is something else. */
function strangeness(
  bytes: Uint8Array,
  at: number,
  kind: number,
  length: number,
  format: ToaFormat | undefined,
  formats: FormatSet,
): string {
  const experiment = experimentAt(bytes, at);
  if (experiment) return `another experiment by its ExID: ${experiment}`;
  const named = `kind ${kind}, length ${length}`;
  if (format)
    return `${named}: malformed, version ${bytes[at + format.version!.offset]}, wanted ${format.version!.value}`;
  const lengths = formats.formats.filter((each) => each.kind === kind).map((each) => each.length);
  if (lengths.length > 0) return `${named}: malformed, TOA of this kind has length ${lengths.join(' or ')}`;
  return `${named}: not known`;
}

/** What a list's end leaves: padding, or an option that cannot be. */
function decodeRest(bytes: Uint8Array, at: number, end: number): DecodedOption[] {
  const kind = bytes[at]!;
  if (kind === OPTION_END) {
    const rest = at + 1 < end ? [{ ...option(bytes, at + 1, end - at - 1, 'padding'), kind: undefined }] : [];
    return [option(bytes, at, 1, 'end of options'), ...rest];
  }
  const length = at + 1 < end ? bytes[at + 1]! : undefined;
  const fault =
    length === undefined
      ? 'malformed, its length is missing'
      : length < 2
        ? `malformed, length ${length}, wanted 2 or more`
        : `malformed, length ${length}, and ${end - at} bytes are left`;
  return [option(bytes, at, end - at, `kind ${kind}: ${fault}; receivers stop here`)];
}

function toaFields(bytes: Uint8Array, at: number, format: ToaFormat): Field[] {
  const record = decodeToa(format, bytes, at)!;
  const fields: Field[] = [
    field(bytes, at, 1, `kind ${format.kind}`),
    field(bytes, at + 1, 1, `length ${format.length}`),
  ];
  const add = (offset: number, length: number, says: string) =>
    fields.push(field(bytes, at + offset, length, says));
  if (format.version) add(format.version.offset, 1, `version ${format.version.value}`);
  for (const [name, place, endpoint] of [
    ['client', format.client, record.client],
    ['VIP', format.vip, record.vip],
  ] as const) {
    if (!place || !endpoint) continue;
    if (place.port !== undefined) add(place.port, 2, `${name} port ${endpoint.port}`);
    add(place.address, endpoint.family === 4 ? 4 : 16, `${name} address ${endpoint.address}`);
  }
  if (format.vpc) add(format.vpc.offset, format.vpc.bytes, `VPC id ${record.vpcId}`);
  return withReserved(bytes, at, format.length, fields);
}

/** In the order of the bytes, with what no field covers. */
function withReserved(bytes: Uint8Array, at: number, length: number, fields: readonly Field[]): Field[] {
  const sorted = [...fields].sort((one, other) => one.offset - other.offset);
  const all: Field[] = [];
  let next = at;
  for (const each of sorted) {
    if (each.offset > next) all.push(field(bytes, next, each.offset - next, 'reserved'));
    all.push(each);
    next = each.offset + (each.bytes.length + 1) / 3;
  }
  if (next < at + length) all.push(field(bytes, next, at + length - next, 'reserved'));
  return all;
}

function option(bytes: Uint8Array, at: number, length: number, says: string): DecodedOption {
  return { ...field(bytes, at, length, says), kind: bytes[at]!, length, format: undefined, fields: [] };
}

function field(bytes: Uint8Array, at: number, length: number, says: string): Field {
  return { offset: at, bytes: hexOf(bytes, at, at + length), says };
}

/** `fe 08 9c 40` */
function hexOf(bytes: Uint8Array, from: number, to: number): string {
  return Array.from(bytes.subarray(from, to), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
