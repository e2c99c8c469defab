import { readFileSync } from 'node:fs';
import { type CapturedPacket, CaptureParser } from '../../../lib/capture/index.js';
import { capture } from '../../fixtures/captures.js';
import { concat } from '../../support/wire.js';

export const faults = Uint8Array.from(readFileSync(capture('faults.pcap')));
export const faultsNg = Uint8Array.from(readFileSync(capture('faults.pcapng')));

/** A packet with its bytes out of the window. */
export interface Read extends Omit<CapturedPacket, 'bytes' | 'start' | 'end'> {
  readonly hex: string;
}

/** All packets of a file that comes in pieces of this many bytes. */
export function readAll(file: Uint8Array, piece = file.length): Read[] {
  const parser = new CaptureParser();
  const packets: Read[] = [];
  for (let at = 0; at < file.length; at += piece) {
    for (const { bytes, start, end, ...rest } of parser.push(file.subarray(at, at + piece))) {
      packets.push({ ...rest, hex: Buffer.from(bytes.subarray(start, end)).toString('hex') });
    }
  }
  parser.end();
  return packets;
}

/** A pcapng file, written field by field in either byte order. */
export class Blocks {
  readonly #littleEndian: boolean;
  #file: Uint8Array = new Uint8Array();

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
    this.block(0x0a0d0d0a, this.u32(0x1a2b3c4d), this.u16(1), this.u16(0), new Uint8Array(8).fill(255));
  }

  u16(value: number): Uint8Array {
    const view = new DataView(new ArrayBuffer(2));
    view.setUint16(0, value, this.#littleEndian);
    return new Uint8Array(view.buffer);
  }

  u32(value: number): Uint8Array {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, value, this.#littleEndian);
    return new Uint8Array(view.buffer);
  }

  /** An option, padded. */
  option(code: number, value: Uint8Array): Uint8Array {
    return concat(this.u16(code), this.u16(value.length), value, new Uint8Array(-value.length & 3));
  }

  /** A block of this body, padded, with its length before and behind. */
  block(type: number, ...body: Uint8Array[]): this {
    const bytes = concat(...body);
    const padded = concat(bytes, new Uint8Array(-bytes.length & 3));
    const length = this.u32(12 + padded.length);
    this.#file = concat(this.#file, this.u32(type), length, padded, length);
    return this;
  }

  interface(linkType: number, snapLength: number, ...options: Uint8Array[]): this {
    return this.block(1, this.u16(linkType), this.u16(0), this.u32(snapLength), ...options);
  }

  /** An enhanced packet block. */
  packet(interfaceId: number, high: number, low: number, bytes: Uint8Array, ...options: Uint8Array[]): this {
    const lengths = [this.u32(bytes.length), this.u32(bytes.length)];
    const padding = new Uint8Array(-bytes.length & 3);
    return this.block(
      6,
      this.u32(interfaceId),
      this.u32(high),
      this.u32(low),
      ...lengths,
      bytes,
      padding,
      ...options,
    );
  }

  get bytes(): Uint8Array {
    return this.#file;
  }
}
