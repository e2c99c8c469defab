import { native, PacketSocketFlag } from '../../lib/native.js';
import { nativeError } from '../../lib/native-error.js';
import { InjectedConnection, type InjectedConnectionOptions } from './injected-connection.js';
import { packet } from './packet-builder.js';
import { decodeFrame } from './packet-decoder.js';
import { WIRE } from './private-network.js';
import type { OutgoingSegment } from './tiny-tcp.js';
import { concat, hostPortText, PROTOCOL } from './wire.js';

const BATCH = 16;
const DESTINATION_OPTIONS = 60;
const VIRTIO_HEADER = 10;
/** A virtio header, an Ethernet header, and the largest IP packet that segmentation offload makes. */
const FRAME = VIRTIO_HEADER + 14 + 65536;

/** An interface, its own MAC address, and that of whoever is at the other end. */
export interface Wire {
  readonly device: string;
  readonly mac: string;
  readonly peerMac: string;
}

const privateWire: Wire = { device: WIRE, mac: '02:00:00:00:00:02', peerMac: '02:00:00:00:00:01' };

/**
 * Plays clients, or balancers with clients behind them, against the kernel of the private network, or whoever is at the end of
 * another wire: TCP connections from any address, with any options on the SYN and the ACK.
 */
export class Injector {
  readonly #addon = native()!;
  readonly wire: Wire;
  readonly #fd: number;
  readonly #poll;
  readonly #arena = new Uint8Array(BATCH * FRAME);
  readonly #table = new Int32Array(2 * BATCH);
  readonly #connections = new Map<string, InjectedConnection>();
  #ports = 20_000;

  constructor(wire: Wire = privateWire) {
    this.wire = wire;
    const index = this.#addon.interfaceIndex(wire.device);
    const flags =
      PacketSocketFlag.virtioHeader | PacketSocketFlag.promiscuous | PacketSocketFlag.ignoreOutgoing;
    this.#fd = this.#addon.packetSocketOpen(index, flags, 4 << 20);
    if (this.#fd < 0) throw nativeError(`open a packet socket on ${wire.device}`, this.#fd);
    for (let i = 0; i < BATCH; i++) this.#table[2 * i] = i * FRAME;
    this.#poll = new this.#addon.Poll(this.#fd, () => this.#receive());
    this.#poll.start();
    this.#poll.unref();
  }

  /** Opens a connection to `10.9.0.1:80` or `[fd00:9::1]:80`. It is a stream; 'connect' says that it is open. */
  connect(to: string, options: InjectedConnectionOptions = {}): InjectedConnection {
    const { destinationOptions } = options;
    const connection = new InjectedConnection(to, this.#ports++, options, (segments) =>
      this.send(segments, destinationOptions),
    );
    const key = hostPortText(connection.local);
    this.#connections.set(key, connection);
    connection.once('close', () => this.#connections.delete(key));
    connection.open();
    return connection;
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.destroy();
    this.#poll.close();
    this.#addon.closeFd(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #receive(): void {
    let count: number;
    do {
      count = this.#addon.packetSocketReceive(this.#fd, this.#arena, this.#table, BATCH, FRAME);
      for (let i = 0; i < count; i++) this.#take(this.#table[2 * i]!, this.#table[2 * i + 1]!);
    } while (count === BATCH);
  }

  #take(offset: number, length: number): void {
    if (length < VIRTIO_HEADER) return;
    const whole = this.#arena.slice(offset, offset + length);
    const virtio = whole.subarray(0, VIRTIO_HEADER);
    const { ip, tcp, virtio: header } = decodeFrame({ bytes: whole.subarray(VIRTIO_HEADER), virtio });
    if (!ip || !tcp) return;
    const key = hostPortText({ address: ip.to, port: tcp.to });
    this.#connections
      .get(key)
      ?.receive({ from: ip.from, to: ip.to, bytes: ip.payload, partialChecksum: (header.flags & 1) === 1 });
  }

  /** Puts segments onto the wire, of any connection. */
  send(segments: readonly OutgoingSegment[], destinationOptions?: Uint8Array): void {
    for (const { from, to, bytes } of segments) {
      const ip = packet()
        .ethernet({ from: this.wire.mac, to: this.wire.peerMac })
        .ip({ from: from.address, to: to.address, ...(!destinationOptions && { protocol: PROTOCOL.tcp }) });
      const below = destinationOptions
        ? ip.extension(DESTINATION_OPTIONS, destinationOptions, PROTOCOL.tcp)
        : ip;
      const { bytes: frame, virtio } = below.payload(bytes).build();
      const arena = concat(virtio, frame);
      const sent = this.#addon.packetSocketSend(this.#fd, arena, Int32Array.of(0, arena.length), 1);
      if (sent < 0) throw nativeError(`send on ${this.wire.device}`, sent);
    }
  }
}
