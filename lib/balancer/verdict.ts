/** What `process` says of a frame where it does not name the link to send it on (0 and up). */

/** The frame is done with: it was for the balancer itself, or a copy of it waits for a neighbor. */
export const CONSUMED = -1;
/** The frame was dropped; a counter says why. */
export const DROPPED = -2;

/** Of a step on the way: the frame goes on like others. `process` never says so. */
export const FORWARD = -3;
