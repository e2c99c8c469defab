/**
 * The next-state table of Linux's IPVS as its documentation-by-code has it: state, then what follows a client's SYN,
 * FIN, ACK, RST, a server's, and a client's whose server is never seen. An ACK without a connection closes, as in
 * Alibaba's LVS.
 */
export const NEXT_STATES = `
  NONE        SR CL CL CL  SS TW ES CL  SR CL CL CL
  EST         ES CW ES CL  ES FW ES CL  ES FW ES CL
  SYN_SENT    ES SS SS CL  SS SS SS SS  ES SS SS CL
  SYN_RECV    SR TW ES SR  SR TW ES CL  SR TW ES SR
  FIN_WAIT    SR TW FW CL  SS FW FW CL  SR FW FW CL
  TIME_WAIT   SR TW TW CL  SS TW TW TW  SR TW TW CL
  CLOSE       SR CL CL CL  SS CL CL CL  SR CL CL CL
  CLOSE_WAIT  SR CW CW CL  SS TW CW CL  SR CW CW CL
  LAST_ACK    SR LA CL LA  SS LA LA CL  SR LA CL LA
  LISTEN      SR LI LI LI  LI LI ES CL  SR LI LI LI
  SYNACK      SR TW ES SR  SR TW ES CL  SR TW ES CL`;

/** The abbreviations of the states, in the table's order. */
export const SHORT = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];
/** And their names in the configuration. */
const NAMES = [
  'none',
  'established',
  'synSent',
  'synReceived',
  'finWait',
  'timeWait',
  'close',
  'closeWait',
  'lastAck',
  'listen',
  'synAck',
] as const;
export type ModelState = (typeof NAMES)[number] | 'udp';
export type Sender = 'client' | 'server' | 'one-way';

/** The state that a segment with these flags (letters) leads to. */
export function nextState(state: ModelState, flags: string, sender: Sender): ModelState {
  const column = [...'RSFA'].find((letter) => flags.includes(letter));
  if (column === undefined) return 'close';
  const row = NEXT_STATES.trim().split('\n')[NAMES.indexOf(state as (typeof NAMES)[number])]!;
  const cells = row.trim().split(/\s+/).slice(1);
  const cell = cells[['client', 'server', 'one-way'].indexOf(sender) * 4 + 'SFAR'.indexOf(column)]!;
  return NAMES[SHORT.indexOf(cell)]!;
}
