import type { Endpoint } from '../net/address.js';

/** What a source knows about a connection. Addresses are plain: an IPv4-mapped one is written as IPv4. */
export interface Finding {
  readonly via: 'module' | 'saved-syn';
  /** The other end of the TCP connection, whatever getpeername() may show. */
  readonly peer: Endpoint;
  readonly client?: Endpoint | undefined;
  readonly vip?: Endpoint | undefined;
  /** There was an option, and it is broken or names no possible client. */
  readonly malformed: boolean;
  /** Further valid options behind the first. */
  readonly duplicates: number;
}

/** Answers one question about one accepted socket: what option did it come with? Undefined: this source cannot tell. */
export interface Source {
  ask(fd: number): Finding | undefined;
}
