import type { Http2Session, Http2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { ToaError } from '../errors.js';
import { acceptFormats, type FormatName } from '../toa/index.js';
import { getClientAddress, setClientAddress } from './client-address.js';
import { ModuleSource } from './module-source.js';
import { listeningFd } from './node-internals.js';
import { Receiver } from './receiver.js';
import { SavedSynSource } from './saved-syn-source.js';
import { noConnections, type ReceiverStats } from './stats.js';
import { isDisabled, receiverNative, support } from './support.js';
import { compileTrust, type Trust } from './trust.js';

export interface AttachOptions {
  /** Which peers may tell the client's address: those of the balancers. Required, see {@link Trust}. */
  readonly trust: Trust;
  /** The formats of the option to accept: `'default'` (254 with 8 or 20 bytes), `'all'`, or their names. */
  readonly formats?: Iterable<FormatName> | 'default' | 'all';
  /** Show the client as `socket.remoteAddress` and `remotePort`, and so as `req.ip` and the like. Default true. */
  readonly override?: boolean;
  /** Throw ERR_TOA_UNSUPPORTED where clients cannot be recovered, instead of doing nothing. Default false. */
  readonly required?: boolean;
}

export interface Attachment {
  /** What became of the connections accepted since. */
  stats(): ReceiverStats;
  /** Leaves the server alone from now on; connections that are open keep what was found. The listening socket goes on keeping SYNs until it closes, for other processes may share it. */
  detach(): void;
  [Symbol.dispose](): void;
}

const attachments = new WeakMap<Server, Attachment>();

/**
 * Recovers the client's address of every connection that the server accepts: a server of net, tls, http, https or http2.
 * Best before listen(): connections that came before are missed. Attaching again gives the same attachment, and the
 * options of the first call stay in force until detach().
 *
 * The kernel hands a SYN out once: of two processes that pass an accepted connection on, the one that serves it attaches.
 *
 * Does nothing where it cannot work (see {@link support}), unless `required`, and where TOA_DISABLE=1 is set, `required` or not.
 * Throws ERR_TOA_TRUST_REQUIRED, ERR_TOA_TRUST, ERR_TOA_FORMAT, ERR_TOA_UNSUPPORTED.
 */
export function attach(server: Server, options: AttachOptions): Attachment {
  const trust = compileTrust(options?.trust);
  const formats = acceptFormats(options.formats);
  const attached = attachments.get(server);
  if (attached) return attached;

  const native = receiverNative();
  if (!native) {
    if (options.required) refuseUnsupported();
    return idle;
  }
  const sources = [new ModuleSource(native), new SavedSynSource(native, formats)];
  const receiver = new Receiver(server, trust, sources, options.override ?? true);

  const onListening = () => {
    const fd = listeningFd(server);
    if (fd !== undefined) native.setSaveSyn(fd, 1); // refused by Unix sockets, which need none
    receiver.onListening();
  };
  const onConnection = (socket: Socket) => receiver.onConnection(socket);

  // First, because HTTP/2 makes its session and tells the program within its own listener.
  server.prependListener('connection', onConnection);
  server.prependListener('listening', onListening);
  server.prependListener('session', remember);
  server.prependListener('stream', remember);
  if (server.listening) onListening();

  const detach = () => {
    if (attachments.get(server) !== attachment) return;
    attachments.delete(server);
    server
      .off('connection', onConnection)
      .off('listening', onListening)
      .off('session', remember)
      .off('stream', remember);
  };
  const attachment: Attachment = { stats: () => receiver.stats, detach, [Symbol.dispose]: detach };
  attachments.set(server, attachment);
  return attachment;
}

/** HTTP/2 sessions and streams let go of their socket when they are closed, so they must know for themselves. */
function remember(target: Http2Session | Http2Stream): void {
  const address = getClientAddress(target);
  if (address) setClientAddress(target, address);
}

const idle: Attachment = { stats: noConnections, detach() {}, [Symbol.dispose]() {} };

function refuseUnsupported(): void {
  const state = support();
  if (state.supported || isDisabled()) return;
  throw new ToaError('ERR_TOA_UNSUPPORTED', `clients' addresses cannot be recovered here: ${state.reason}`, {
    hint: state.hint,
  });
}
