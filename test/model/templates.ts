/** Persistence: which real server a client of a service had last. */
import { address, addressText } from '../support/wire.js';
import { type Connection, type Server, type Service, TICK } from './parties.js';

/** A template that connections hold looks again after so many ticks. */
const AGAIN = 60_000 / TICK;

export interface Template {
  readonly key: string;
  server: Server;
  /** In ticks. */
  expires: number;
}

export class Templates {
  readonly #all = new Map<string, Template>();
  readonly #expireQuiescent: boolean;

  constructor(expireQuiescent: boolean) {
    this.#expireQuiescent = expireQuiescent;
  }

  /** The real server that a client of a service is to have again. */
  find(service: Service, client: string): Server | undefined {
    if (service.config.persistence === undefined) return undefined;
    const server = this.#all.get(keyOf(service, client))?.server;
    if (server?.present === false) return undefined;
    return server?.weight === 0 && this.#expireQuiescent ? undefined : server;
  }

  /** Whether a client is to have this real server again. */
  leadTo(server: Server): boolean {
    return [...this.#all.values()].some((template) => template.server === server);
  }

  /** A client of a service got a real server; undefined where the service does not remember it. */
  remember(service: Service, client: string, server: Server, tick: number): Template | undefined {
    if (service.config.persistence === undefined) return undefined;
    const key = keyOf(service, client);
    const template = this.#all.get(key) ?? { key, server, expires: 0 };
    template.server = server;
    template.expires = tick + (service.config.persistence.timeout * 1000) / TICK;
    this.#all.set(key, template);
    return template;
  }

  /**
   * Templates whose time has come.
   * @param before, after the connections before and after those ended whose time came as well: a template that only
   * such a one held goes at once or looks again, as the balancer came to it
   * @param kept whether the balancer has a template still
   */
  expire(
    tick: number,
    before: readonly Connection[],
    after: readonly Connection[],
    kept: (template: Template) => boolean,
  ): void {
    const holds = (connections: readonly Connection[], template: Template) =>
      connections.some((connection) => connection.template === template);
    for (const template of this.#all.values()) {
      if (template.expires > tick) continue;
      const stays = holds(after, template) || (holds(before, template) && kept(template));
      if (stays) template.expires = tick + AGAIN;
      else this.#all.delete(template.key);
    }
  }

  describe(): string[] {
    return [...this.#all.values()].map(templateText).sort();
  }
}

export function templateText({ key, server, expires }: Template): string {
  return `${key} → ${server.address} until ${expires}`;
}

/** The service by its position, and the address that clients who are one have in common. */
function keyOf({ index, config }: Service, client: string): string {
  const bits = [...address(client)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const masked = bits.slice(0, config.persistence!.prefix).padEnd(bits.length, '0');
  const bytes = masked.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2));
  return `${index} ${addressText(Uint8Array.from(bytes))}`;
}
