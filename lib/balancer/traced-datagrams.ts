import { VNET_HEADER } from '../net/virtio.js';
import { FragmentFields } from './fragment-fields.js';
import type { Fragments } from './fragments.js';
import { Frame } from './frame.js';
import { copyAddresses } from './packet-addresses.js';
import { FRAGMENT, parse } from './parse.js';
import { windowOn } from './traced-client.js';

/**
 * The traced client's packets of which some fragments have come: later ones do not say whose they are, and nothing comes
 * in when the time of one is over.
 */
export class TracedDatagrams {
  readonly #fragments: Fragments;
  readonly #fields = new FragmentFields();
  readonly #ends = new Int32Array(8);
  /** Of each, a fragment of its own bytes. */
  readonly #begun = new Map<string, Frame>();

  constructor(fragments: Fragments) {
    this.#fragments = fragments;
  }

  /** A frame's fragment, on bytes of its own, parsed; undefined where it is none. */
  fragmentIn(frame: Frame): Frame | undefined {
    const { bytes, start, length, link } = frame;
    if (parse(windowOn(frame)) !== FRAGMENT) return undefined;
    const own = new Frame(bytes.slice(start - VNET_HEADER, start + length)).at(VNET_HEADER, length, link);
    parse(own);
    return own;
  }

  /** Whether others of its packet were the client's. */
  has(fragment: Frame): boolean {
    return this.#begun.has(this.#keyOf(fragment));
  }

  /** A fragment of the client's was processed. @returns whether it waits for others */
  note(fragment: Frame): boolean {
    const waits = this.#fragments.holds(fragment);
    if (waits) this.#begun.set(this.#keyOf(fragment), fragment);
    else this.#begun.delete(this.#keyOf(fragment));
    return waits;
  }

  /** A fragment of each packet that was given up since; they are forgotten. */
  takeLost(): Frame[] {
    const lost = [...this.#begun.values()].filter((fragment) => !this.#fragments.holds(fragment));
    for (const fragment of lost) this.#begun.delete(this.#keyOf(fragment));
    return lost;
  }

  /** What tells its packet from others, as the balancer does. */
  #keyOf(fragment: Frame): string {
    copyAddresses(fragment, this.#ends);
    this.#fields.read(fragment);
    return `${this.#ends} ${this.#fields.id} ${fragment.family === 4 ? fragment.protocol : ''}`;
  }
}
