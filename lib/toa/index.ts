export { decodeToa } from './decode.js';
export { encodeToa } from './encode.js';
export { experimentAt, portLooksLikeExid } from './experiment.js';
export { findToa, type ToaFinding, type ToaFound, type ToaNotFound, type ToaRefusal } from './find.js';
export { acceptFormats, type FormatName, FormatSet } from './format-set.js';
export { isPlausibleClient } from './plausible.js';
export type { Endpoint, ToaRecord } from './record.js';
export { type FieldAt, type FormatId, formatById, formats, type ToaFormat } from './registry.js';
export { readSavedSyn, type TcpInIp } from './saved-syn.js';
