/**
 * Where frames come from and go to. All links of a balancer share one arena, so that a frame received on one is sent
 * on another without a copy: it is an offset and a length, from the Ethernet header. The 10-byte virtio_net_hdr stands
 * right before it, and before that free room for headers to grow.
 */
export interface Link {
  /** The station address, six bytes. */
  readonly mac: Uint8Array;
  /** The largest IP packet, in bytes. */
  readonly mtu: number;
  /** Pairs of offset and length: what `receive` brought. Overwritten by the next call. */
  readonly received: Int32Array;
  /** Takes what has arrived, without waiting; the number of pairs in `received`, 0 for nothing. To ask costs next to nothing. */
  receive(): number;
  /** Gives back the room of all frames that `receive` brought: to be called when they were sent, before it is called again. */
  release(): void;
  /** Adds a frame of the arena to what the next `flush` sends. */
  queue(offset: number, length: number): void;
  /** Adds a copy of a frame that is not in the arena; its virtio_net_hdr stands before `start`. */
  queueCopy(bytes: Uint8Array, start: number, length: number): void;
  /** Sends what is queued. The frames may be overwritten afterwards. */
  flush(): void;
  /** Calls `onReadable` from the event loop while frames wait. */
  start(onReadable: () => void): void;
  /** Whether frames can pass: the interface is up and has a carrier. */
  isUp(): boolean;
  /** Looks after the link: to be called some four times a second. */
  tend(): void;
  /** What the link itself lost, and why. */
  statistics(): LinkStatistics;
  close(): void;
}

/** Frames, since the link was opened. */
export interface LinkStatistics {
  readonly received: number;
  readonly sent: number;
  /** Dropped by the kernel because its buffer was full or, with `receiveRingStopped`, because the ring had stopped. */
  readonly receiveOverflow: number;
  /** Longer than a slot of the arena. */
  readonly receiveTooLong: number;
  /** Times that the kernel's ring had stopped, and was made anew: at frames of a kind of offload that virtio_net_hdr cannot express. */
  readonly receiveRingStopped: number;
  /** Refused because the kernel's send buffer or the device's queue was full. */
  readonly sendOverflow: number;
  /** Refused for another reason. */
  readonly sendFailed: number;
}
