/**
 * `node --import toakit/register app.js` attaches toakit to every server of the program, which need not know of it.
 * TOA_TRUST says whom to believe: CIDR blocks separated by commas, `private`, or `true` for every peer. Without it the program does not start
 * (ERR_TOA_TRUST_REQUIRED), unless TOA_DISABLE=1. TOA_FORMATS names the formats to accept: `default`, `all`, or names separated by commas.
 */
import { Server } from 'node:net';
import { type AttachOptions, attach } from './index.js';
import { isDisabled } from './receiver/support.js';
import { compileTrust } from './receiver/trust.js';
import { acceptFormats, type FormatName } from './toa/index.js';

if (!isDisabled()) attachToEveryServer(optionsFromEnvironment());

function optionsFromEnvironment(): AttachOptions {
  const { TOA_TRUST: trust, TOA_FORMATS: formats } = process.env;
  const options = { trust: trust === 'true' || trust, formats: namesOf(formats) } as AttachOptions;
  compileTrust(options.trust);
  acceptFormats(options.formats);
  return options;
}

function namesOf(text = 'default'): NonNullable<AttachOptions['formats']> {
  return text === 'default' || text === 'all'
    ? text
    : (text.split(',').map((name) => name.trim()) as FormatName[]);
}

/** Servers are attached when they are told to listen; those of cluster primaries and of frameworks too. */
function attachToEveryServer(options: AttachOptions): void {
  const { listen } = Server.prototype;
  Server.prototype.listen = function (this: Server, ...parameters: unknown[]) {
    attach(this, options);
    return Reflect.apply(listen, this, parameters);
  };
}
