import { readFileSync } from 'node:fs';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import { Network } from '../../cli/namespaces/network.js';
import type { RunningProcess } from '../../cli/namespaces/process.js';
import { haproxy } from './haproxy.js';

/**
 * The wires that every peer is measured on, and the addresses on them:
 *
 *     client  eth0 ───── eth0  balancer  eth1 ───── eth0  server
 *     10.81.0.2     10.81.0.1        10.82.0.1      10.82.0.2
 *                   VIP 10.81.0.100  local address 10.82.0.100
 */
export const addresses = {
  client: '10.81.0.2',
  front: '10.81.0.1',
  vip: '10.81.0.100',
  back: '10.82.0.1',
  local: '10.82.0.100',
  server: '10.82.0.2',
};

/** Fixed, so that the ceiling can write them into frames as constants. */
export const macs = {
  client: '02:00:00:81:00:02',
  front: '02:00:00:81:00:01',
  back: '02:00:00:82:00:01',
  server: '02:00:00:82:00:02',
};

/** What the server offers: HTTP for connections, HTTP from one fixed core for latency, iperf3 for throughput. */
export const ports = { http: 80, latency: 81, iperf: 5201 };

/**
 * The responder is HAProxy answering by itself: a C program on epoll, which costs the machine less for each
 * connection than the load generator does. It is installed anyway, being a peer.
 */
const responder = (port: number, threads: number) => `
global
  nbthread ${threads}
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
frontend responder
  bind :${port}
  http-request return status 200 content-type text/plain string hello
`;

/** Client and server of the latency load sit on different cores, as they would on two machines. */
export const cores = { client: 0, server: os.availableParallelism() - 1 };

/** Three namespaces in a row with the server's programs in the last one; built anew for each peer in each round. */
export class Laboratory {
  readonly client: Namespace;
  readonly balancer: Namespace;
  readonly server: Namespace;
  readonly #network = new Network();
  readonly #iperf: RunningProcess;
  readonly #programs: RunningProcess[] = [];

  constructor() {
    try {
      this.client = this.#network.namespace('client');
      this.balancer = this.#network.namespace('balancer');
      this.server = this.#network.namespace('server');
      this.#wire();
      this.keep(haproxy(this.server, responder(ports.http, 2)));
      this.keep(haproxy(this.server, responder(ports.latency, 1), cores.server));
      const iperf = ['--server', '--forceflush', '--port', String(ports.iperf)];
      this.#iperf = this.keep(this.server.start('iperf3', iperf));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Watches a program that must live as long as the measurement. */
  keep(program: RunningProcess): RunningProcess {
    this.#programs.push(program);
    return program;
  }

  /** Waits until requests of the client reach the server through the peer, at most ten seconds. */
  async ready(): Promise<void> {
    await this.#iperf.line(/listening/);
    const urls = [ports.http, ports.latency].map((port) => `http://${addresses.vip}:${port}/`);
    for (let attempt = 0; attempt < 50; attempt++) {
      this.assertAlive();
      const { code } = await this.client.run('curl', ['-sf', '--fail-early', '-m', '1', ...urls]);
      if (code === 0) return;
      await sleep(200);
    }
    throw new Error('no answer from the server through this peer');
  }

  /** How many packets the server's interface has received so far. */
  packetsAtServer(): number {
    const counters = readFileSync(`/proc/${this.#iperf.child.pid}/net/dev`, 'utf8');
    return Number(/^\s*eth0:\s*\d+\s+(\d+)/m.exec(counters)?.[1]);
  }

  /** Throws when one of the programs has died, for then no figure is worth anything. */
  assertAlive(): void {
    for (const { child, stderr } of this.#programs) {
      if (child.exitCode === null && child.signalCode === null) continue;
      throw new Error(
        `${child.spawnargs.join(' ')} ended (${child.exitCode ?? child.signalCode}): ${stderr}`,
      );
    }
  }

  /** Ends all programs and removes the namespaces. */
  close(): void {
    this.#network.dispose();
  }

  #wire(): void {
    const { client, balancer, server } = this;
    this.#network.cable(
      { namespace: client, device: 'eth0', mac: macs.client, addresses: [`${addresses.client}/24`] },
      { namespace: balancer, device: 'eth0', mac: macs.front, addresses: [`${addresses.front}/24`] },
    );
    this.#network.cable(
      { namespace: balancer, device: 'eth1', mac: macs.back, addresses: [`${addresses.back}/24`] },
      { namespace: server, device: 'eth0', mac: macs.server, addresses: [`${addresses.server}/24`] },
    );
    server.route('0.0.0.0/0', { via: addresses.back });
    // A connection for each request, and the default range has room for two seconds of that.
    for (const host of [client, balancer]) host.sysctl({ 'net/ipv4/ip_local_port_range': '1024 65535' });
  }
}
