/** What a balancer has kept of connections that are all over: nothing, or the test fails. */
import assert from 'node:assert/strict';
import type { BalancerConfig } from '../../lib/balancer/config/index.js';
import { HANDSHAKE_ACK, ProxiedFlow } from './proxied-flow.js';
import type { Rig } from './rig.js';

/** A service with so few local ports that all can be seen to be free. */
export type FewPorts = Partial<
  Pick<BalancerConfig['services'][number], 'mode' | 'protocol' | 'synProxy' | 'localPorts'>
> & { readonly port: number };

/** Milliseconds; also over by then: fragments that wait, persistence, neighbors that do not answer. */
const ALL_OVER = 150_000;
/** Segments that may wait for real servers at a time, behind SYN proxies. */
const KEPT_SEGMENTS = 1024;

export class Leftovers {
  readonly #rig: Rig;
  readonly #services: readonly FewPorts[];
  readonly #buffers: string;

  /** @param rig whose balancer has done nothing yet */
  constructor(rig: Rig, services: readonly FewPorts[]) {
    this.#rig = rig;
    this.#services = services;
    this.#buffers = this.#freeBuffers();
  }

  /** Lets all time pass, and fails unless everything that was taken is free again. */
  assertNone(): void {
    const { balancer } = this.#rig;
    this.#rig.wait(ALL_OVER);
    assert.equal(balancer.connections.count, 0, 'connections or templates are left');
    for (const { name, realServers } of balancer.services) {
      for (const { active, inactive, persistent } of realServers) {
        assert.deepEqual(
          [active, inactive, persistent],
          [0, 0, 0],
          `a real server of ${name} is said to have some`,
        );
      }
    }
    assert.equal(balancer.neighbors.waiting.size, 0, 'frames wait for neighbors');
    assert.equal(this.#freeBuffers(), this.#buffers, 'buffers are left in use');
  }

  /** The same of what only new connections show: local ports, and room for segments that wait. All real servers have a weight. */
  assertAllFree(): void {
    for (const service of this.#services) {
      const { mode, protocol, synProxy } = service;
      if (mode === 'fullnat' && protocol !== 'udp') this.#assertPortsFree(service);
      if (mode === 'nat' && synProxy !== undefined) this.#assertKeptSegmentsFree(service);
    }
  }

  #freeBuffers(): string {
    const { emitted } = this.#rig.balancer;
    return `${emitted.available} small, ${emitted.room(9000)} large`;
  }

  /** Fails unless as many connections can be made as there are pairs of a local port and a real server, and not one more. */
  #assertPortsFree(service: FewPorts): void {
    const { balancer, topology } = this.#rig;
    const [first, last] = service.localPorts!;
    const room = (last - first + 1) * topology.realServers.length;
    const before = balancer.counters.get('connections-new');
    // Each its own client, for persistence's sake.
    for (let i = 0; i <= room; i++) this.#connect(service, 1 + i, 1024 + i);
    const made = balancer.counters.get('connections-new') - before;
    assert.equal(made, room, `${made} of ${room} local ports were free`);
    this.assertNone();
  }

  #connect({ port: servicePort, synProxy }: FewPorts, client: number, port: number): void {
    const flow = new ProxiedFlow(this.#rig, { servicePort, client, port });
    if (synProxy !== undefined) flow.cookie();
    const ack = { ...HANDSHAKE_ACK, payload: 'x' };
    this.#rig.send(...flow.client(synProxy === undefined ? { flags: 'S' } : ack));
  }

  /** Fails unless as many segments can wait as there is room for, and not one more. */
  #assertKeptSegmentsFree(service: FewPorts): void {
    const { counters } = this.#rig.balancer;
    const before = counters.get('syn-proxy-not-kept');
    for (let i = 0; i < KEPT_SEGMENTS; i++) this.#connect(service, 1 + (i & 63), 1024 + i);
    assert.equal(counters.get('syn-proxy-not-kept') - before, 0, 'segments of former connections are kept');
    this.#connect(service, 1, 1);
    assert.equal(counters.get('syn-proxy-not-kept') - before, 1);
    this.assertNone();
  }
}
