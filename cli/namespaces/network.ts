import { constants } from 'node:os';
import { runCommand } from '../../lib/daemon/command.js';
import { defaultEcho, type Echo } from './echo.js';
import { waitUntilUp } from './link-up.js';
import { Namespace } from './namespace.js';
import { removeStaleNamespaces } from './stale.js';

/** One end of a virtual cable. */
export interface CableEnd {
  namespace: Namespace;
  /** Interface name in that namespace, at most 15 characters. */
  device: string;
  /** Addresses with prefix lengths. */
  addresses?: readonly string[];
  /** Six bytes, `02:00:00:00:00:01`; the kernel chooses one otherwise. */
  mac?: string;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
let created = 0;

/**
 * Network namespaces and the cables between them, which all disappear with `dispose()`, at the end of the program,
 * and when it is interrupted (exit status 128 + signal). What a killed program leaves is removed by the next one.
 */
export class Network {
  readonly #prefix: string;
  readonly #echo: Echo;
  readonly #namespaces: Namespace[] = [];
  readonly #onExit = () => this.dispose();
  readonly #onSignal = (signal: NodeJS.Signals) => process.exit(128 + constants.signals[signal]);

  constructor(echo: Echo = defaultEcho) {
    this.#echo = echo;
    // The pid tells the next program whether this one still lives; the count allows for several networks in one.
    this.#prefix = `toa-${process.pid}-${created++}`;
    removeStaleNamespaces(echo);
    process.on('exit', this.#onExit);
    for (const signal of signals) process.on(signal, this.#onSignal);
  }

  /** Creates a namespace. `role` is a short word, unique in this network. */
  namespace(role: string): Namespace {
    const namespace = new Namespace(`${this.#prefix}-${role}`, role, this.#echo);
    // Before it is made: an interruption leaves it half made, and it must go as well.
    this.#namespaces.push(namespace);
    namespace.create();
    return namespace;
  }

  /** Lays a veth pair between two namespaces, never touching the host's own; both ends are up and carry frames. */
  cable(a: CableEnd, b: CableEnd, options: { mtu?: number } = {}): void {
    const end = ({ namespace, device, mac }: CableEnd) => [
      ...['name', device, 'netns', namespace.name],
      ...(mac === undefined ? [] : ['address', mac]),
      ...(options.mtu === undefined ? [] : ['mtu', String(options.mtu)]),
    ];
    const command = ['link', 'add', ...end(a), 'type', 'veth', 'peer', ...end(b)];
    this.#echo(`[+] ip ${command.join(' ')}`);
    runCommand('ip', command);
    for (const { namespace, device, addresses } of [a, b]) {
      namespace.ip('link', 'set', device, 'up');
      for (const address of addresses ?? []) namespace.address(device, address);
    }
    for (const { namespace, device } of [a, b]) waitUntilUp(device, namespace.name);
  }

  /** Kills the processes and removes the namespaces. Safe to call twice; a failure on one does not keep the others. */
  dispose(): void {
    for (const namespace of this.#namespaces.splice(0)) {
      try {
        namespace.dispose();
      } catch (error) {
        this.#echo(`[!] ${namespace.role}: ${error instanceof Error ? error.message : error}`);
      }
    }
    // Last, or a second Ctrl-C would end us half way.
    process.off('exit', this.#onExit);
    for (const signal of signals) process.off(signal, this.#onSignal);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
