import { LinkType, LiveCapture, type ObservedConnection, Observer } from '../../lib/capture/index.js';
import { requireNative } from '../../lib/native.js';
import { compileTrust } from '../../lib/receiver/trust.js';
import { acceptFormats } from '../../lib/toa/index.js';
import { formatNames } from '../capture/formats.js';
import { readLoaded } from '../module/loaded.js';
import { System } from '../module/system.js';
import { judge, type OwnerSide } from './judge.js';
import { KernelView, keyOf } from './kernel-view.js';
import { KeptSyns } from './listeners.js';
import type { Verdict } from './verdict.js';

/** How often time passes without packets, in milliseconds. */
const TICK = 250;
/** Of the time, what looking at the kernel's tables may take. */
const SHARE = 0.1;

/** A connection that was verified, and what its server's program gets of its client where that is known. */
export interface VerifiedConnection {
  readonly wire: ObservedConnection;
  readonly owner: { readonly client: ObservedConnection['client']; readonly via: 'module' } | undefined;
  readonly verdict: Verdict;
}

export interface LiveOptions {
  readonly ports: readonly number[];
  /** Whom to trust; without it the kernel module's settings say it, if it is loaded. */
  readonly trust?: string;
  readonly onConnection: (connection: VerifiedConnection) => void;
}

/** Compares every connection to some ports of this host, from now on, on the wire and at its socket. */
export class LiveVerification {
  readonly #system = new System();
  readonly #view = new KernelView(this.#system);
  readonly #keptSyns = new KeptSyns(this.#system);
  readonly #options: LiveOptions;
  readonly #observer: Observer;
  readonly #capture: LiveCapture;
  readonly #tick: NodeJS.Timeout;
  #waiting: ObservedConnection[] = [];
  #look: NodeJS.Timeout | undefined;
  #mayLookAt = 0;

  /** @throws ToaError ERR_TOA_PERMISSION without CAP_NET_RAW, ERR_TOA_TRUST, ERR_TOA_NOT_SUPPORTED without the addon */
  constructor(options: LiveOptions) {
    this.#options = options;
    const trusted = options.trust ?? readLoaded(this.#system).ours?.trusted;
    // A module that is set to trust nobody is a setting, on the command line an empty one is a mistake.
    const trustsNobody = options.trust === undefined && trusted === '';
    this.#observer = new Observer({
      ports: new Set(options.ports),
      ...(trusted !== undefined && { trust: trustsNobody ? () => false : compileTrust(trusted) }),
      onConnection: (connection) => {
        if (connection.outcome === 'established') this.#waiting.push(connection);
      },
    });
    this.#capture = new LiveCapture(requireNative(), { ports: options.ports }, (bytes, start, end, time) => {
      const sighting = this.#observer.packet(bytes, start, end, LinkType.raw, time);
      // From the end of the handshake on there is a socket, which may be gone soon.
      if (sighting && sighting.role !== 'syn') this.#lookSoon();
    });
    this.#tick = setInterval(() => {
      this.#observer.advance(Date.now() * 1000);
      if (this.#waiting.length > 0) this.#lookSoon();
    }, TICK);
  }

  /** Packets that the kernel had no room to keep for us. */
  get dropped(): number {
    return this.#capture.dropped();
  }

  /** Judges what is still open by what was seen, and ends. */
  close(): void {
    this.#capture.drain();
    clearInterval(this.#tick);
    clearTimeout(this.#look);
    this.#capture.close();
    this.#observer.finish();
    this.#lookNow();
  }

  #lookSoon(): void {
    this.#look ??= setTimeout(() => this.#lookNow(), Math.max(0, this.#mayLookAt - performance.now()));
  }

  #lookNow(): void {
    this.#look = undefined;
    const started = performance.now();
    this.#view.look(started);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wire of waiting) this.#options.onConnection(this.#verify(wire, started));
    const ended = performance.now();
    this.#mayLookAt = ended + (ended - started) / SHARE;
  }

  #verify(wire: ObservedConnection, now: number): VerifiedConnection {
    const key = keyOf(wire.peer, wire.server);
    const recorded = this.#view.recorded(key);
    const loaded = readLoaded(this.#system);
    const owner: OwnerSide = {
      ...loaded,
      recorded,
      seen: this.#view.saw(key),
      keepsSyn: () => this.#keptSyns.keeps(wire.server, now),
      trustGiven: this.#options.trust !== undefined,
      acceptsFormat: (id) =>
        acceptFormats(formatNames(loaded.ours?.formats ?? 'default')).formats.some(
          (format) => format.id === id,
        ),
    };
    return {
      wire,
      owner: recorded && { client: recorded.client, via: 'module' },
      verdict: judge(wire, owner),
    };
  }
}
