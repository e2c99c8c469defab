import {
  type Balancing,
  type Change,
  DAY,
  type Load,
  type Passed,
  type ServiceUnderTest,
  serverAddress,
  serverOfOctet,
  serverPortOf,
  topologyOf,
} from './balancing.js';
import type { IpvsNamespace } from './ipvs-namespace.js';

/** A service of Linux's own IPVS; there is one at a time. */
export class LinuxIpvs implements Balancing {
  readonly #namespace: IpvsNamespace;
  readonly #service: ServiceUnderTest;

  constructor(namespace: IpvsNamespace, service: ServiceUnderTest) {
    this.#namespace = namespace;
    this.#service = service;
    const { scheduler, flags } = service;
    const flag = flags.length === 0 ? '' : ` -b ${flags.join(',')}`;
    namespace.ipvsadm([`-A ${this.#name} -s ${scheduler}${flag}${this.#persistence}`]);
  }

  /** As ipvsadm names the service. */
  get #name(): string {
    const { protocol, family, isWide, port } = this.#service;
    if (isWide) return `-f ${port}${family === 6 ? ' -6' : ''}`;
    return `${protocol === 'tcp' ? '-t' : '-u'} ${bracketed(topologyOf(family).vip)}:${port}`;
  }

  /** Remembered for a day, so that nothing is forgotten in a run. */
  get #persistence(): string {
    const { family, persistence } = this.#service;
    if (persistence === undefined) return '';
    return ` -p ${DAY} -M ${family === 4 ? dottedMask(persistence) : persistence}`;
  }

  change(change: Change): void {
    this.#namespace.ipvsadm([this.#command(change)]);
  }

  #command(change: Change): string {
    const { family } = this.#service;
    const address = bracketed(serverAddress(family, change.server));
    const server = `${this.#name} -r ${address}:${serverPortOf(this.#service)}`;
    if (change.kind === 'remove') return `-d ${server}`;
    const { kind, weight, upper, lower } = change;
    return `-${kind === 'add' ? 'a' : 'e'} ${server} -m -w ${weight} -x ${upper} -y ${lower}`;
  }

  pass(link: number, frame: Uint8Array): Passed | undefined {
    return this.#namespace.pass(link, frame);
  }

  loads(): Load[] {
    const row = /^ +-> \S*(\w\w)\]?:\w{4} +Masq +(\d+) +(\d+) +(\d+)/gm;
    return [...this.#namespace.list().matchAll(row)].map(([, octet, ...numbers]) => {
      const [weight, active, inactive] = numbers.map(Number) as [number, number, number];
      return { server: serverOfOctet(Number.parseInt(octet!, 16)), weight, active, inactive };
    });
  }

  close(): void {
    this.#namespace.ipvsadm([`-D ${this.#name}`]);
  }
}

function dottedMask(bits: number): string {
  const mask = bits === 0 ? 0 : -1 << (32 - bits);
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.');
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
