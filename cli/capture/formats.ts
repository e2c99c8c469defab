import type { FormatName } from '../../lib/toa/index.js';

/** What --formats names, for acceptFormats() to refuse what it does not know. */
export function formatNames(text: string): FormatName[] | 'default' | 'all' {
  return text === 'default' || text === 'all' ? text : (text.split(',') as FormatName[]);
}
