import type { Laboratory } from '../laboratory.js';

/** A way from the client to the server that is measured: a fresh laboratory is handed to it for each round. */
export interface Peer {
  /** The key in the results. */
  readonly name: string;
  /** One line for people: what carries the traffic. */
  readonly description: string;
  /** Whether it carries packets one by one; a proxy that ends connections does not. */
  readonly perPacket: boolean;
  /** Makes the VIP lead to the server. What it starts ends with the laboratory. */
  start(laboratory: Laboratory): Promise<void> | void;
}
