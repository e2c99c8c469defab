/** The balancer and its slow model, side by side: each step goes to both, and then they must be alike. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { ResolvedConfig } from '../../lib/balancer/config/index.js';
import type { BuiltFrame } from '../support/packet-builder.js';
import { describe } from '../support/packet-decoder.js';
import { connectionsOf, templatesOf } from '../support/records.js';
import { Rig, type RigOptions, SECRET, type Sent } from '../support/rig.js';
import { configuration, type Topology } from '../support/topology.js';
import { ModelBalancer } from './balancer.js';
import type { Out } from './balancer-packets.js';
import type { Connection } from './parties.js';
import { OPEN, type ServiceWishes, type Settings, type Step, type StepOf, servicesWith } from './script.js';
import { type PacketStep, StepFrames, type Talk } from './step-frames.js';
import { templateText } from './templates.js';

export class Pair {
  readonly rig: Rig;
  readonly model: ModelBalancer;
  readonly #topology: Topology;
  readonly #services: readonly ServiceWishes[];
  readonly #global: NonNullable<RigOptions['settings']>;
  readonly #frames: StepFrames;
  #settings: readonly Settings[];
  #config: ResolvedConfig;

  constructor(topology: Topology, services: readonly ServiceWishes[], settings: RigOptions['settings'] = {}) {
    this.#topology = topology;
    this.#services = services;
    this.#global = settings;
    this.#settings = services.map(() => OPEN);
    this.rig = new Rig({ topology, ...this.#wishes });
    this.#config = configuration(topology, this.#wishes);
    this.model = new ModelBalancer(this.#config, topology, SECRET, this.rig.now);
    this.#frames = new StepFrames(topology, services, {
      known: (n) => talkOf(this.model.known(n)),
      answerable: (n) => talkOf(this.model.answerable(n)),
    });
  }

  take(each: Step): void {
    if (each.kind === 'pause') this.pause(each.milliseconds);
    else if (each.kind === 'settings') this.#change(each);
    else this.#send(each);
  }

  pause(milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += 250) {
      const sent = this.rig.wait(250);
      const templates = templatesOf(this.rig.balancer).map((text) => text.split(' until ')[0]);
      const kept = (template: Parameters<typeof templateText>[0]) =>
        templates.includes(templateText(template).split(' until ')[0]);
      this.#compare('time passes', sent, this.model.wait(250, kept));
    }
    this.#compareTables();
  }

  #send(each: PacketStep): void {
    const arrival = this.#frames.of(each);
    if (arrival === undefined) return;
    const { link, frame, pieces } = arrival;
    const sent = pieces.flatMap((piece) => this.rig.send(link, piece));
    this.#compare(describe(frame), sent, this.model.receive(link, frame, sent));
    this.#compareTables();
    this.#frames.note(sent);
  }

  /** What the configuration is made of now. */
  get #wishes() {
    return {
      services: servicesWith(this.#topology, this.#services, this.#settings),
      settings: this.#global,
    };
  }

  #change({ service, ...changed }: StepOf<'settings'>): void {
    this.#settings = this.#settings.map((before, i) => (i === service ? changed : before));
    const { balancer, now } = this.rig;
    const { services } = configuration(this.#topology, this.#wishes);
    const { difference } = balancer.apply({ ...this.#config, services }, now);
    assert.ok(difference !== undefined);
    const isOther = !isDeepStrictEqual(services, this.#config.services);
    assert.equal(difference.services !== undefined, isOther);
    if (isOther) this.model.change(service, services[service]!);
    this.#config = { ...this.#config, services };
    this.#compare('other settings', this.rig.drain(), []);
    this.#compareTables();
  }

  #compare(what: string, sent: readonly Sent[], wanted: readonly Out[]): void {
    const frames = wanted.map(([link, builder]) => ({ link, ...builder.build() }));
    const text = ({ link, virtio, bytes }: BuiltFrame & { readonly link: number }) =>
      `${link} ${Buffer.concat([virtio, bytes]).toString('hex')}`;
    const got = sent.map(text).sort();
    const right = frames.map(text).sort();
    if (got.join() === right.join()) return;
    const lines = (all: readonly (BuiltFrame & { readonly link: number })[]) =>
      all.map((each) => `  link ${each.link}: ${describe(each)}`);
    assert.fail([what, 'wanted:', ...lines(frames), ...right, 'got:', ...lines(sent), ...got].join('\n'));
  }

  #compareTables(): void {
    const { balancer } = this.rig;
    const servers = balancer.statistics.snapshot().services.flatMap(({ realServers }, i) =>
      realServers.map(({ realServer, traffic }) => {
        const { connections, packetsIn, packetsOut, bytesIn, bytesOut } = traffic;
        const counts = [connections, packetsIn, packetsOut, bytesIn, bytesOut];
        return `${i} ${realServer.config.address}: ${realServer.active} + ${realServer.inactive}, ${counts}`;
      }),
    );
    const tables = [...connectionsOf(balancer).sort(), ...templatesOf(balancer).sort(), ...servers.sort()];
    assert.deepEqual(tables, this.model.describe());
    const counted = Object.entries(balancer.counters.snapshot()).filter(
      ([name, value]) => value > 0 && TOLD.test(name),
    );
    assert.deepEqual(Object.fromEntries(counted.sort()), Object.fromEntries([...this.model.counters].sort()));
  }
}

/** What the model counts; the rig plays the neighbors, of whom it knows nothing, and so of fragments. */
const TOLD = /^(drop|connections|answer|reset|toa|option|mss|segments|proxy|syn|packets|frames-forwarded)/;

/** A connection of the model as steps speak of it. */
function talkOf(connection: Connection | undefined): Talk | undefined {
  if (connection === undefined) return undefined;
  const { client, vip, server, serverPort, local, clientIsn, delta } = connection;
  return {
    client,
    vip,
    server: { address: server.address, port: serverPort },
    local,
    isn: clientIsn + delta,
  };
}
