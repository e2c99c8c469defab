export { Arena } from './arena.js';
export type { Link, LinkStatistics } from './link.js';
export { MEMORY_SLOTS, MemoryLink } from './memory.js';
export { PACKET_SOCKET_SLOTS, PacketSocketLink } from './packet-socket.js';
