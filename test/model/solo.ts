/** A balancer that plays scripts by itself, without the slow model: for scripts that are long. */
import assert from 'node:assert/strict';
import type { ResolvedConfig } from '../../lib/balancer/config/index.js';
import {
  CLIENT,
  CLIENT_PORTS,
  FLAG_ONE_WAY,
  FLAG_TEMPLATE,
  INITIAL_SEQUENCE,
  LOCAL,
  RECORD_WORDS,
  SERVER,
  SERVER_PORTS,
  STATE,
  VIP,
} from '../../lib/balancer/connection/record.js';
import { addressAt } from '../support/records.js';
import { Rig } from '../support/rig.js';
import { configuration, type Topology } from '../support/topology.js';
import { OPEN, type ServiceWishes, type Step, type StepOf, servicesWith } from './script.js';
import { StepFrames, type Talk } from './step-frames.js';

export class Solo {
  readonly rig: Rig;
  /** As they were at first. */
  readonly services: ReturnType<typeof servicesWith>;
  readonly #frames: StepFrames;
  #config: ResolvedConfig;
  /** As the configuration has them at first, with all their real servers. */
  readonly #all: ResolvedConfig['services'];

  constructor(topology: Topology, wishes: readonly ServiceWishes[]) {
    this.services = servicesWith(
      topology,
      wishes,
      wishes.map(() => OPEN),
    );
    this.rig = new Rig({ topology, services: this.services });
    this.#config = configuration(topology, { services: this.services });
    this.#all = this.#config.services;
    this.#frames = new StepFrames(topology, wishes, {
      known: (n) => this.#talk(n, () => true),
      answerable: (n) => this.#talk(n, (state) => (state & FLAG_ONE_WAY) === 0),
    });
  }

  take(each: Step): void {
    if (each.kind === 'pause') this.rig.wait(each.milliseconds);
    else if (each.kind === 'settings') this.#change(each);
    else {
      const arrival = this.#frames.of(each);
      for (const piece of arrival?.pieces ?? []) this.#frames.note(this.rig.send(arrival!.link, piece));
    }
  }

  /** Only what changes is made anew: to validate all of it again would be most of a script's time. */
  #change({ service: position, present, weights, thresholds, synProxy: mode }: StepOf<'settings'>): void {
    const { rig } = this;
    const [upperThreshold, lowerThreshold] = thresholds;
    const services = this.#config.services.map((service, i) => {
      if (i !== position) return service;
      const realServers = this.#all[i]!.realServers.map((server, n) => ({
        ...server,
        weight: weights[n]!,
        upperThreshold,
        lowerThreshold,
      })).filter((_, n) => present[n]);
      const synProxy = this.services[i]!.synProxy && { synProxy: { ...service.synProxy!, mode } };
      return { ...service, ...synProxy, realServers };
    });
    this.#config = { ...this.#config, services };
    assert.ok('difference' in rig.balancer.apply(this.#config, rig.now));
    rig.drain();
  }

  /** A connection, out of the balancer's records. */
  #talk(n: number, isWanted: (state: number) => boolean): Talk | undefined {
    const { words, used } = this.rig.balancer.connections;
    const bases = Array.from({ length: used }, (_, i) => i * RECORD_WORDS).filter((base) => {
      const state = words[base + STATE]!;
      return state !== 0 && (state & FLAG_TEMPLATE) === 0 && isWanted(state);
    });
    const base = bases.at(n % Math.max(1, bases.length));
    if (base === undefined) return undefined;
    const host = (at: number, ports: number) => ({
      address: addressAt(words, base + at),
      port: ports & 0xffff,
    });
    const [clientPorts, serverPorts] = [words[base + CLIENT_PORTS]!, words[base + SERVER_PORTS]!];
    return {
      client: host(CLIENT, clientPorts >>> 16),
      vip: host(VIP, clientPorts),
      server: host(SERVER, serverPorts >>> 16),
      local: host(LOCAL, serverPorts),
      isn: words[base + INITIAL_SEQUENCE]! >>> 0,
    };
  }
}
