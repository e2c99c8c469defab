export { Arena } from './arena.js';
export type { Link, LinkStatistics } from './link.js';
export { MEMORY_BYTES, MemoryLink } from './memory.js';
export { PacketSocketLink, packetSocketArena } from './packet-socket.js';
