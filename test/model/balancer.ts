/**
 * The whole balancer, slow and obvious: a packet is read into an object, what becomes of it is decided with Maps of
 * text, and what goes out is written anew. Only what the balancer draws by itself, local address, local port and the
 * first sequence number of FULLNAT, is taken from what it sent, after a look whether it was free to.
 */
import type { ResolvedConfig, ResolvedService } from '../../lib/balancer/config/model.js';
import type { BuiltFrame } from '../support/packet-builder.js';
import { OUTSIDE, type Topology } from '../support/topology.js';
import { answerError, refusal, stray } from './answers.js';
import { type Arrival, isOpening, type Out, type PlainPacket, readPacket } from './balancer-packets.js';
import { bind, unlink } from './connections.js';
import { end, wait } from './expiry.js';
import { fromClient, fromServer } from './forwarding.js';
import { Memory } from './memory.js';
import { type Connection, judge, keyOf, load, type Service } from './parties.js';
import { reconfigure } from './reconfiguration.js';
import { isRenewal, isStrangeSynAck } from './renewal.js';
import { takesSyn } from './syn-protection.js';
import { cookieAck, proxiedClient } from './syn-proxy-client.js';
import { greet, mayBringCookie } from './syn-proxy-greeting.js';
import { proxiedServer } from './syn-proxy-server.js';
import type { Template } from './templates.js';

export class ModelBalancer {
  readonly counters: ReadonlyMap<string, number>;
  readonly services: readonly Service[];
  readonly #memory: Memory;

  constructor(config: ResolvedConfig, topology: Topology, secret: Uint8Array, now: number) {
    this.#memory = new Memory(config, topology, secret, now);
    this.counters = this.#memory.counters;
    this.services = this.#memory.services;
  }

  /** Another configuration for a service, in which something differs. */
  change(position: number, config: ResolvedService): void {
    reconfigure(this.#memory, this.services[position]!, config);
  }

  /** A frame came in on a link. @param sent what the balancer made of it @returns what it had to make of it */
  receive(link: number, frame: BuiltFrame, sent: readonly BuiltFrame[]): Out[] {
    const memory = this.#memory;
    const plain = readPacket(frame);
    const arrival = { link, frame, plain, sent };
    const known = memory.connections.get(keyOf(plain));
    const answering = memory.byServer.get(keyOf(plain));
    const connection = known ?? answering;
    if (connection === undefined) return this.#unknown(arrival);
    if (known === undefined && link === OUTSIDE) {
      memory.count('drop-wrong-side');
      return [];
    }
    const renewed = known !== undefined && isRenewal(memory, known, plain);
    const { server, service } = connection;
    const ending = service.config.expireQuiescent && (!server.present || server.weight === 0);
    if (!server.present || ending) {
      return renewed ? this.#renew(known, arrival) : this.#withoutServer(connection, arrival, ending);
    }
    if (known === undefined && isStrangeSynAck(connection, plain))
      return stray(memory, 'drop-strange-syn-ack', arrival);
    const done =
      known === undefined
        ? proxiedServer(memory, connection, arrival, (...kept) => this.receive(...kept, []))
        : proxiedClient(memory, known, arrival);
    if (done !== undefined) return done;
    if (known === undefined) return fromServer(memory, connection, arrival);
    return renewed ? this.#renew(known, arrival) : fromClient(memory, known, arrival);
  }

  /**
   * Time passes.
   * @param kept whether the balancer has a template still (see Templates.expire)
   * @returns what is sent because of it, in any order
   */
  wait(milliseconds: number, kept: (template: Template) => boolean): Out[] {
    return wait(this.#memory, milliseconds, kept);
  }

  /** Every connection, every template and every real server's load and traffic, as text. */
  describe(): string[] {
    const connections = [...this.#memory.connections.values()].map(
      ({ key, server, state, expires }) => `${key} → ${server.address} ${state} until ${expires}`,
    );
    const servers = this.services.flatMap(({ servers }, i) =>
      servers
        .filter(({ listed }) => listed)
        .map(
          ({ address, active, inactive, traffic }) =>
            `${i} ${address}: ${active} + ${inactive}, ${Object.values(traffic)}`,
        ),
    );
    return [...connections.sort(), ...this.#memory.templates.describe(), ...servers.sort()];
  }

  /** Whether a real server has as many connections as its threshold. */
  get isOverloaded(): boolean {
    return this.services.some(({ servers }) => servers.some(({ overloaded }) => overloaded));
  }

  /** A connection whose real server can speak to the balancer, by a number; -1: the newest. */
  answerable(n: number): Connection | undefined {
    const all = [...this.#memory.byServer.values()];
    return all.at(n % Math.max(1, all.length));
  }

  /** A connection, by a number. */
  known(n: number): Connection | undefined {
    const all = [...this.#memory.connections.values()];
    return all[n % Math.max(1, all.length)];
  }

  /** Another connection in place of one that is over, which still is a load when a real server is chosen. */
  #renew(connection: Connection, arrival: Arrival): Out[] {
    this.#memory.count('connections-renewed');
    unlink(this.#memory, connection);
    const out = this.#unknown(arrival);
    load(connection.server, connection.state, -1);
    judge(connection.server);
    return out;
  }

  /** A packet of a connection whose real server is gone, or to be left. */
  #withoutServer(connection: Connection, arrival: Arrival, ending: boolean): Out[] {
    const memory = this.#memory;
    const { present } = connection.server;
    const anew = !present && memory.expireWithoutServer;
    const resets = anew || ending ? end(memory, connection) : [];
    if (anew && mayOpen(arrival.plain)) {
      // What is sent because of it comes behind the resets.
      return [...resets, ...this.#unknown({ ...arrival, sent: arrival.sent.slice(resets.length) })];
    }
    memory.count(present ? 'drop-server-quiesced' : 'drop-server-removed');
    return resets;
  }

  /** A packet of no connection: it may open one. */
  #unknown(arrival: Arrival): Out[] {
    const { plain } = arrival;
    const { vip, localAddresses } = this.#memory.topology;
    if (plain.to !== vip && !localAddresses.includes(plain.to)) {
      this.#memory.count('drop-unknown-address');
      return [];
    }
    const opening = mayOpen(plain);
    const service = this.services.find(
      ({ config }) =>
        plain.to === vip && config.protocol === plain.protocol && config.port[0] === plain.toPort,
    );
    if (opening && service !== undefined) {
      if (takesSyn(this.#memory, service)) return greet(this.#memory, arrival, service);
      return refusal(this.#memory, arrival) ?? this.#open(arrival, service);
    }
    if (service !== undefined && mayBringCookie(this.#memory, service, plain))
      return cookieAck(this.#memory, arrival, service);
    return stray(this.#memory, opening ? 'drop-no-service' : 'drop-stray', arrival);
  }

  #open(arrival: Arrival, service: Service): Out[] {
    const connection = bind(this.#memory, arrival, arrival.plain.seq, service);
    if (typeof connection !== 'string') return fromClient(this.#memory, connection, arrival);
    this.#memory.count(connection);
    return connection === 'drop-server-side-taken'
      ? []
      : answerError(this.#memory, 'port-unreachable', arrival);
  }
}

/** Any datagram, and a SYN. */
function mayOpen({ protocol, flags }: PlainPacket): boolean {
  return protocol === 'udp' || isOpening(flags);
}
