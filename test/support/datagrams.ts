/** A client's datagrams and the answers through a rig's UDP service, seen from the four sides. */
import assert from 'node:assert/strict';
import type { PacketBuilder } from './packet-builder.js';
import type { Rig, Sent } from './rig.js';
import type { TcpFields } from './tcp-segment.js';
import { type IpWishes, type Side, Ways } from './ways.js';

export interface Datagram {
  readonly payload?: string | Uint8Array | number;
  readonly checksum?: NonNullable<TcpFields['checksum']>;
  readonly ip?: IpWishes;
  /** TUN: what is otherwise in the outer header than in the inner one. */
  readonly outer?: IpWishes;
}

export class Datagrams {
  readonly ways: Ways;
  readonly #rig: Rig;

  constructor(rig: Rig, { client = 7, port = 51514 } = {}) {
    const { topology, mode } = rig;
    this.#rig = rig;
    const clientAddress = topology.client(client);
    this.ways = new Ways({ topology, mode, clientAddress, clientPort: port, servicePort: topology.port });
  }

  /** Sends a first datagram, and learns which way it went. */
  begin(): Sent {
    const sent = this.#rig.send(...this.client({ payload: 'first' }));
    assert.equal(sent.length, 1, 'a datagram makes one frame come out');
    this.ways.learn(sent[0]!);
    return sent[0]!;
  }

  client(datagram: Datagram): [number, PacketBuilder] {
    return on(this.ways.client(datagram.ip), datagram);
  }

  toServer(datagram: Datagram): [number, PacketBuilder] {
    return on(this.ways.toServer(datagram.ip, datagram.outer), datagram);
  }

  fromServer(datagram: Datagram): [number, PacketBuilder] {
    return on(this.ways.fromServer(datagram.ip), datagram);
  }

  toClient(datagram: Datagram): [number, PacketBuilder] {
    return on(this.ways.toClient(datagram.ip), datagram);
  }
}

function on({ link, below, from, to }: Side, datagram: Datagram): [number, PacketBuilder] {
  const { payload = '', checksum = 'good' } = datagram;
  return [link, below.udp({ from, to, checksum }).payload(payload)];
}
