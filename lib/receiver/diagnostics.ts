import { channel } from 'node:diagnostics_channel';
import type { Server, Socket } from 'node:net';
import type { Endpoint } from '../net/address.js';
import type { ClientAddress } from './client-address.js';

/** A diagnostics channel (node:diagnostics_channel) that knows what it carries. */
export interface TypedChannel<Message> {
  readonly name: string | symbol;
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
  subscribe(onMessage: (message: Message, name: string | symbol) => void): void;
  unsubscribe(onMessage: (message: Message, name: string | symbol) => void): void;
}

export interface ConnectionMessage {
  readonly server: Server;
  readonly socket: Socket;
  readonly client: ClientAddress;
}

export interface MissingMessage {
  readonly server: Server;
  readonly socket: Socket;
  /** Undefined where the client was gone before the connection was accepted. */
  readonly peer: Endpoint | undefined;
  readonly reason: 'missing' | 'noSyn' | 'malformed' | 'gone';
}

export interface UntrustedMessage {
  readonly server: Server;
  readonly socket: Socket;
  /** Who had written the option. */
  readonly peer: Endpoint;
  /** The client that it named, which was not believed. */
  readonly claimed: Endpoint;
}

/** `toakit:connection`: a client was recovered. */
export const connectionChannel = typedChannel<ConnectionMessage>('toakit:connection');

/** `toakit:missing`: a trusted peer told no client that can be believed. */
export const missingChannel = typedChannel<MissingMessage>('toakit:missing');

/** `toakit:untrusted`: a peer that is not trusted named a client, and was ignored. */
export const untrustedChannel = typedChannel<UntrustedMessage>('toakit:untrusted');

function typedChannel<Message>(name: string): TypedChannel<Message> {
  return channel(name) as TypedChannel<Message>;
}
