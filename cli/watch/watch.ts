import { LinkType, LiveCapture, type ObservedConnection, Observer } from '../../lib/capture/index.js';
import { requireNative } from '../../lib/native.js';
import { readCaptureFile } from '../capture/read-file.js';
import { exitStatus } from '../exit-status.js';
import { aborted, Interruption } from '../interruption.js';
import { Lines } from '../output/lines.js';
import { say, toJson } from '../output/streams.js';
import { packetComment } from './comment.js';
import { connectionJson, summaryJson } from './json.js';
import { checkTogether, observerOptions, type WatchOptions } from './plan.js';
import { type SavedCapture, saveCapture } from './save.js';
import { ConnectionRows, summaryText } from './text.js';

/** How often time passes without packets, and the kernel is asked what it dropped, in milliseconds. */
const TICK = 1000;

/** One run of `toa watch`. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #observer: Observer;
  readonly #lines = new Lines();
  readonly #rows: ConnectionRows;
  readonly #stop = new AbortController();
  #saved: SavedCapture | undefined;
  #headed = false;
  #told = 0;

  /** @throws ToaError ERR_TOA_TRUST, ERR_TOA_FORMAT */
  constructor(options: WatchOptions) {
    this.#options = options;
    this.#rows = new ConnectionRows(options.trust !== undefined);
    this.#observer = new Observer({
      ...observerOptions(options),
      onConnection: (connection) => this.#tell(connection),
    });
  }

  /** Watches an interface, all of them, or a file, until it is told to stop; prints the summary. Answers the exit status. */
  async run(name: string | undefined): Promise<number> {
    const { read, write } = this.#options;
    checkTogether(name, this.#options);
    using interruption = new Interruption();
    interruption.signal.addEventListener('abort', () => this.#stop.abort(interruption.status));
    try {
      if (write !== undefined) this.#saved = saveCapture(write, read);
      if (read === undefined) await this.#watchLive(name);
      else await this.#watchFile(read);
    } finally {
      this.#saved?.close();
      this.#lines.flush();
    }
    return this.#stop.signal.aborted ? (this.#stop.signal.reason as number) : exitStatus.ok;
  }

  async #watchFile(file: string): Promise<void> {
    try {
      await readCaptureFile(file, this.#stop.signal, (packet) => {
        this.#packet(packet.bytes, packet.start, packet.end, packet);
      });
    } catch (error) {
      // A file that breaks off has told something before; one that is no capture has not.
      if (this.#observer.statistics().packets > 0) this.#summarize(undefined);
      throw error;
    }
    this.#summarize(undefined);
  }

  async #watchLive(name: string | undefined): Promise<void> {
    const { port, write, duration } = this.#options;
    const live = { linkType: LinkType.raw, time: 0, originalLength: 0 };
    const capture = new LiveCapture(
      requireNative(),
      {
        ...(name !== undefined && { interface: name }),
        ...(port && { ports: port }),
        whole: write !== undefined,
      },
      (bytes, start, end, time) => {
        live.time = time;
        live.originalLength = end - start;
        this.#packet(bytes, start, end, live);
      },
    );
    const end = duration && setTimeout(() => this.#stop.abort(exitStatus.ok), duration * 1000);
    let dropped = 0;
    const tick = setInterval(() => {
      this.#observer.advance(Date.now() * 1000);
      dropped = this.#warn(dropped, capture.dropped());
      if (!capture.isCutOff()) return;
      say(`toa: the interface ${name} is gone (ip link shows the interfaces there are)`);
      this.#stop.abort(exitStatus.unsupported);
    }, TICK);
    try {
      say(`watching ${name ?? 'all interfaces'}${port ? `, port ${port.join(', ')}` : ''}; Ctrl-C ends it`);
      this.#head();
      await aborted(this.#stop.signal);
      capture.drain();
    } finally {
      clearTimeout(end);
      clearInterval(tick);
      capture.close();
      this.#warn(dropped, capture.dropped());
      this.#saved?.writer.statistics(
        Date.now() * 1000,
        this.#observer.statistics().packets,
        capture.dropped(),
      );
      this.#summarize(capture.dropped());
    }
  }

  #packet(
    bytes: Uint8Array,
    start: number,
    end: number,
    packet: { linkType: number; time: number; originalLength: number },
  ): void {
    if (this.#told === this.#options.count) return;
    const sighting = this.#observer.packet(bytes, start, end, packet.linkType, packet.time);
    this.#saved?.writer.packet(packet, bytes, start, end, sighting && packetComment(sighting));
  }

  #head(): void {
    if (this.#headed || this.#options.json) return;
    this.#headed = true;
    this.#lines.add(this.#rows.heading());
  }

  #tell(connection: ObservedConnection): void {
    const { odd, json, count } = this.#options;
    if (this.#told === count || (odd && connection.oddities.length === 0)) return;
    this.#head();
    this.#lines.add(json ? toJson('watch/1', connectionJson(connection)) : this.#rows.row(connection));
    this.#told++;
    if (this.#told === count) this.#stop.abort(exitStatus.ok);
  }

  /** Says that packets were lost, since they were last asked for; answers how many there are now. */
  #warn(before: number, now: number): number {
    if (now === before) return now;
    say(`toa: cannot keep up: the kernel dropped ${now - before} packets (--port has it show fewer)`);
    if (this.#options.json) this.#lines.add(toJson('watch/1', { event: 'loss', dropped: now - before }));
    return now;
  }

  #summarize(dropped: number | undefined): void {
    this.#observer.finish();
    this.#head();
    const statistics = this.#observer.statistics();
    if (this.#options.json) this.#lines.add(toJson('watch/1', summaryJson(statistics, dropped)));
    else this.#lines.add(`\n${summaryText(statistics, dropped)}`);
  }
}
