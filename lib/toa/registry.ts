import type { Family } from '../net/address.js';

export type FormatId =
  | 'toa-v4'
  | 'toa-v6'
  | 'toa-v6-253'
  | 'toa-v4-253'
  | 'vip-253-v4'
  | 'vip-253-v6'
  | 'toa-v4-200'
  | 'toa-v6-201'
  | 'toa-v4-252'
  | 'vtoa-252'
  | 'vtoa-250'
  | 'vtoa-249'
  | 'toa-254-16'
  | 'cdn-28-v4'
  | 'cdn-28-v6';

/** Where an endpoint stands in an option. Offsets count from the option's first byte: the kind is at 0, the length at 1. */
export interface FieldAt {
  /** Two bytes, network order; absent where the format carries no port. */
  readonly port?: number;
  /** Four or sixteen bytes. */
  readonly address: number;
  readonly family: Family;
}

/** One form that the option takes on the wire. Bytes that no field covers are written as zero and not looked at. */
export interface ToaFormat {
  readonly id: FormatId;
  readonly kind: number;
  /** The whole option, kind and length bytes included. */
  readonly length: number;
  /** A version byte that must have this value. */
  readonly version?: { readonly offset: number; readonly value: number };
  readonly client?: FieldAt;
  readonly vip?: FieldAt;
  /** The id of the virtual network, big-endian. */
  readonly vpc?: { readonly offset: number; readonly bytes: 3 | 4 };
  /** Standing directly behind an option of this format, it completes that one; elsewhere it stands alone. */
  readonly completes?: FormatId;
  /** Accepted unless the user says otherwise. */
  readonly default: boolean;
  /** Who writes it. */
  readonly carriedBy: string;
}

/** Every known format. A port stands before its address and all numbers are in network byte order. */
export const formats: readonly ToaFormat[] = [
  {
    id: 'toa-v4',
    kind: 254,
    length: 8,
    client: { port: 2, address: 4, family: 4 },
    default: true,
    carriedBy: 'Alibaba LVS, DPVS, Huawei, Baidu, UCloud, vtoa',
  },
  {
    id: 'toa-v6',
    kind: 254,
    length: 20,
    client: { port: 2, address: 4, family: 6 },
    default: true,
    carriedBy: 'DPVS (IPv6 and NAT64), Alibaba CDN, ByteDance',
  },
  {
    id: 'toa-v6-253',
    kind: 253,
    length: 20,
    client: { port: 2, address: 4, family: 6 },
    default: false,
    carriedBy: 'Alibaba LVS over IPv6, vtoa, Tencent NAT64',
  },
  {
    id: 'toa-v4-253',
    kind: 253,
    length: 8,
    client: { port: 2, address: 4, family: 4 },
    default: false,
    carriedBy: 'Akamai, according to UCloud',
  },
  {
    id: 'vip-253-v4',
    kind: 253,
    length: 8,
    vip: { port: 2, address: 4, family: 4 },
    default: false,
    carriedBy: 'a DPVS fork',
  },
  {
    id: 'vip-253-v6',
    kind: 253,
    length: 20,
    vip: { port: 2, address: 4, family: 6 },
    default: false,
    carriedBy: 'a DPVS fork',
  },
  {
    id: 'toa-v4-200',
    kind: 200,
    length: 8,
    client: { port: 2, address: 4, family: 4 },
    default: false,
    carriedBy: 'the first LVS FULLNAT (2012), Tencent, UCloud, OpenCloudOS, lbmanager',
  },
  {
    id: 'toa-v6-201',
    kind: 201,
    length: 20,
    client: { port: 2, address: 4, family: 6 },
    default: false,
    carriedBy: 'TIG',
  },
  {
    id: 'toa-v4-252',
    kind: 252,
    length: 8,
    client: { port: 2, address: 4, family: 4 },
    default: false,
    carriedBy: 'UCloud, formerly',
  },
  {
    id: 'vtoa-252',
    kind: 252,
    length: 20,
    client: { port: 2, address: 4, family: 4 },
    vpc: { offset: 8, bytes: 4 },
    vip: { address: 12, port: 16, family: 4 }, // here, and only here, the port follows its address
    default: false,
    carriedBy: 'Alibaba vtoa',
  },
  {
    id: 'vtoa-250',
    kind: 250,
    length: 8,
    vip: { port: 2, address: 4, family: 4 },
    completes: 'toa-v4',
    default: false,
    carriedBy: 'Alibaba vtoa',
  },
  {
    id: 'vtoa-249',
    kind: 249,
    length: 40,
    client: { port: 2, address: 4, family: 6 },
    vpc: { offset: 20, bytes: 3 },
    vip: { address: 24, family: 6 },
    default: false,
    carriedBy: 'Alibaba vtoa over IPv6',
  },
  {
    id: 'toa-254-16',
    kind: 254,
    length: 16,
    client: { port: 2, address: 4, family: 4 },
    vip: { port: 10, address: 12, family: 4 },
    default: false,
    carriedBy: 'ByteDance',
  },
  {
    id: 'cdn-28-v4',
    kind: 28,
    length: 7,
    version: { offset: 2, value: 1 },
    client: { address: 3, family: 4 },
    default: false,
    carriedBy: 'Alibaba CDN, NetScaler',
  },
  {
    id: 'cdn-28-v6',
    kind: 28,
    length: 19,
    version: { offset: 2, value: 1 },
    client: { address: 3, family: 6 },
    default: false,
    carriedBy: 'Alibaba CDN',
  },
];

const byId: ReadonlyMap<string, ToaFormat> = new Map(formats.map((format) => [format.id, format]));

/** The format of that name, or undefined where there is none: the name may come from a user. */
export function formatById(id: FormatId): ToaFormat;
export function formatById(id: string): ToaFormat | undefined;
export function formatById(id: string): ToaFormat | undefined {
  return byId.get(id);
}
