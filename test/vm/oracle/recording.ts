import type { Change, Load, Segment, ServiceUnderTest } from './balancing.js';

/** What Linux did with a segment, or how it saw its real servers, each written down so that it can be done again. */
export type Step =
  | { readonly change: Change }
  /** The packet that came out is in hexadecimal digits. */
  | { readonly segment: Segment; readonly link: number; readonly packet: string }
  | { readonly loads: readonly Load[] };

/** A script as Linux played it. */
export interface Recording {
  readonly service: ServiceUnderTest;
  readonly seed: number;
  readonly steps: readonly Step[];
}
