import { constants } from 'node:os';
import { type NativeAddon, PacketSocketFlag, type Poll } from '../native.js';
import { nativeError } from '../native-error.js';
import { PACKET_MAX } from './captured-packet.js';
import { tcpFilter } from './socket-filter.js';

/** Packets taken in one system call. */
const BATCH = 64;
/** Batches before the event loop gets its turn: signals and timers wait no longer than some milliseconds. */
const BATCHES = 64;
/** What the kernel keeps for us while we do something else, in bytes; small packets count for about 800. */
const BUFFER_BYTES = 32 << 20;
/** IP and TCP headers with all their options, IPv6 extension headers too in most cases. */
const HEADERS = 256;

const { ENETDOWN } = constants.errno;

export interface LiveCaptureOptions {
  /** An interface; without it, all of them. */
  readonly interface?: string;
  /** Of servers, at most FILTER_PORTS_MAX; without any, all TCP. */
  readonly ports?: readonly number[];
  /** Keep packets whole, not the headers alone. */
  readonly whole?: boolean;
}

/** Takes a packet of LinkType.raw: the bytes in `[start, end)`, and its time in microseconds since 1970. */
export type TakePacket = (bytes: Uint8Array, start: number, end: number, time: number) => void;

/** The TCP packets of one interface or of all, both ways, from the IP header on, as a tap sees them. */
export class LiveCapture {
  readonly #addon: NativeAddon;
  readonly #take: TakePacket;
  readonly #capacity: number;
  readonly #arena: Uint8Array;
  readonly #table: Int32Array;
  readonly #times = new Float64Array(BATCH);
  readonly #statistics = new Uint32Array(2);
  readonly #poll: Poll;
  readonly #name: string | undefined;
  readonly #index: number;
  #fd: number;
  #dropped = 0;

  /**
   * Calls `take` from the event loop for every packet, from now on.
   * @throws ToaError ERR_TOA_NO_INTERFACE, ERR_TOA_PERMISSION without CAP_NET_RAW
   */
  constructor(addon: NativeAddon, options: LiveCaptureOptions, take: TakePacket) {
    const { interface: name, ports = [], whole = false } = options;
    const index = name === undefined ? 0 : check(addon.interfaceIndex(name), `find interface ${name}`);
    this.#name = name;
    this.#index = index;
    this.#addon = addon;
    this.#take = take;
    this.#capacity = whole ? PACKET_MAX : HEADERS;
    this.#arena = new Uint8Array(BATCH * this.#capacity);
    this.#table = Int32Array.from({ length: 2 * BATCH }, (_, i) =>
      i % 2 === 0 ? (i / 2) * this.#capacity : 0,
    );
    const flags = PacketSocketFlag.cooked | PacketSocketFlag.timestamps;
    const filter = tcpFilter(ports, this.#capacity);
    const what = `open a packet socket on ${name ?? 'all interfaces'}`;
    this.#fd = check(addon.packetSocketOpen(index, flags, BUFFER_BYTES, filter), what);
    this.#poll = new addon.Poll(this.#fd, () => this.#receive());
    check(this.#poll.start(), 'poll a packet socket');
  }

  /** Takes all that had arrived by now, without waiting for more. */
  drain(): void {
    const now = Date.now() * 1000;
    let time: number | undefined;
    do {
      time = this.#receiveBatch();
    } while (time !== undefined && time <= now);
  }

  #receive(): void {
    for (let batch = 0; batch < BATCHES && this.#receiveBatch() !== undefined; batch++);
  }

  /** Takes a batch; the time of its last packet where there may be more, undefined where that was all. */
  #receiveBatch(): number | undefined {
    if (this.#fd < 0) return undefined;
    const count = this.#addon.packetSocketReceive(
      this.#fd,
      this.#arena,
      this.#table,
      BATCH,
      this.#capacity,
      this.#times,
    );
    if (count < 0 && count !== -ENETDOWN) throw nativeError('receive from a packet socket', count);
    for (let i = 0; i < count; i++) {
      const start = this.#table[2 * i]!;
      const length = this.#table[2 * i + 1]!;
      if (length > 0) this.#take(this.#arena, start, start + length, this.#times[i]!);
    }
    return count < BATCH ? undefined : this.#times[BATCH - 1]!;
  }

  /** Whether its one interface has gone away: nothing comes any more, also from a later one of that name. */
  isCutOff(): boolean {
    return this.#name !== undefined && this.#addon.interfaceIndex(this.#name) !== this.#index;
  }

  /** Packets that the kernel had no room to keep for us, since the beginning. */
  dropped(): number {
    if (this.#fd >= 0 && this.#addon.packetSocketStatistics(this.#fd, this.#statistics) >= 0) {
      this.#dropped += this.#statistics[1]!;
    }
    return this.#dropped;
  }

  /** Ends it; what waits in the kernel is let go. */
  close(): void {
    if (this.#fd < 0) return;
    this.dropped(); // the kernel's count goes with the socket
    this.#poll.close();
    this.#addon.closeFd(this.#fd);
    this.#fd = -1;
  }
}

function check(result: number, what: string): number {
  if (result < 0) throw nativeError(what, result);
  return result;
}
