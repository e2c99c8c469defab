import { constants } from 'node:os';
import { ToaError } from '../errors.js';
import { type NativeAddon, requireNative } from '../native.js';
import { nativeError } from '../native-error.js';
import { type Endpoint, formatAddress, parseAddress } from '../net/address.js';
import { PROTOCOL_TCP } from '../net/ipv4.js';
import { addressSum } from './segment.js';

/** The largest IP packet: segments come merged (GRO). */
const LARGEST = 65536;
const { EAGAIN, EPERM } = constants.errno;

/**
 * TCP segments between this host and another, or itself, past the kernel's own TCP: a raw socket. The kernel chooses the
 * route and the address to send from, resolves the next hop and writes the IP header; a port of this host is reserved.
 * The kernel still sees what comes in, and would answer it with resets: somebody must keep those in.
 */
export class RawLine {
  /** Our end. */
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** `addressSum` of both ends. */
  readonly addresses: number;
  readonly #addon: NativeAddon;
  readonly #fd: number;
  readonly #port: number;
  readonly #buffer = new Uint8Array(LARGEST);

  /**
   * @throws ToaError ERR_TOA_PERMISSION without CAP_NET_RAW, ERR_TOA_UNREACHABLE, ERR_TOA_NOT_SUPPORTED without the addon
   */
  constructor(destination: Endpoint) {
    const addon = requireNative();
    const { bytes } = parseAddress(destination.address)!;
    this.#addon = addon;
    this.destination = destination;
    this.#fd = check(addon.rawSocketOpen(bytes), `open a raw socket to ${destination.address}`);
    try {
      const own = addressBytes(addon, this.#fd);
      this.#port = check(addon.reserveTcpPort(own), 'reserve a TCP port');
      this.addresses = addressSum(own, bytes);
      const { family } = destination;
      this.source = { address: formatAddress(own, 0, family), port: portOf(addon, this.#port), family };
    } catch (error) {
      addon.closeFd(this.#fd);
      throw error;
    }
  }

  /** Calls `onSegment` with each segment from the other host, whatever connection it belongs to, until `close()`. */
  start(onSegment: (bytes: Uint8Array) => void, onError: (error: ToaError) => void): () => void {
    const poll = new this.#addon.Poll(this.#fd, () => {
      for (;;) {
        const length = this.#addon.rawSocketReceive(this.#fd, this.#buffer);
        if (length === -EAGAIN) return;
        // What the way there has reported: no such host, no such port.
        if (length < 0) return onError(nativeError(`reach ${this.destination.address}`, length));
        const segment = this.#withoutIpHeader(this.#buffer.slice(0, length));
        if (segment !== undefined) onSegment(segment);
      }
    });
    check(poll.start(), 'wait for segments');
    return () => poll.close();
  }

  /** @throws ToaError ERR_TOA_FIREWALL where a rule of this host drops it, ERR_TOA_UNREACHABLE, ERR_TOA_SYSTEM */
  send(segment: Uint8Array): void {
    const sent = this.#addon.rawSocketSend(this.#fd, segment);
    if (sent === -EPERM) {
      throw new ToaError(
        'ERR_TOA_FIREWALL',
        `the firewall of this host drops what is sent to ${this.destination.address}`,
        {
          hint: 'nft list ruleset and iptables-save show its rules',
        },
      );
    }
    check(sent, `send to ${this.destination.address}`);
  }

  close(): void {
    this.#addon.closeFd(this.#fd);
    this.#addon.closeFd(this.#port);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** IPv4 raw sockets deliver it, IPv6 ones do not (raw(7), RFC 3542). */
  #withoutIpHeader(packet: Uint8Array): Uint8Array | undefined {
    if (this.destination.family === 6) return packet;
    const header = (packet[0]! & 0xf) * 4;
    return packet[9] === PROTOCOL_TCP ? packet.subarray(header) : undefined;
  }
}

/** The address that a socket is bound to. */
function addressBytes(addon: NativeAddon, fd: number): Uint8Array {
  const name = socketName(addon, fd);
  return isIpv4(name) ? name.slice(4, 8) : name.slice(8, 24);
}

function portOf(addon: NativeAddon, fd: number): number {
  const name = socketName(addon, fd);
  return (name[2]! << 8) | name[3]!;
}

/** A sockaddr_in of 16 bytes or a sockaddr_in6 of 28 (ip(7), ipv6(7)): port at 2, address at 4 or 8. */
function socketName(addon: NativeAddon, fd: number): Uint8Array {
  const name = new Uint8Array(28);
  return name.subarray(0, check(addon.getSocketName(fd, name), 'ask for the own address'));
}

const isIpv4 = (name: Uint8Array) => name.length === 16;

function check(result: number, what: string): number {
  if (result < 0) throw nativeError(what, result);
  return result;
}
