// Opens a packet socket on the loopback interface, or prints the code of the error and its hint.
import { native } from '../../../lib/native.js';
import { nativeError } from '../../../lib/native-error.js';

const addon = native()!;
const fd = addon.packetSocketOpen(addon.interfaceIndex('lo'), 0, 1 << 20);
const error = fd < 0 ? nativeError('open a packet socket on lo', fd) : undefined;
console.log(
  JSON.stringify(error === undefined ? {} : { code: error.code, message: error.message, hint: error.hint }),
);
