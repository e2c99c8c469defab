import { type NativeAddon, native, nativeSupport } from '../native.js';

/** Whether clients' addresses can be recovered in this process. */
export type Support =
  | { readonly supported: true; readonly sources: readonly ('module' | 'saved-syn')[] }
  | { readonly supported: false; readonly reason: string; readonly hint: string };

/**
 * Whether {@link attach} does anything here, and if not, why and what to do. `sources` are those that are asked for every
 * connection: the receiver in the kernel, which may be loaded and unloaded at any time, and the saved SYN.
 */
export function support(): Support {
  if (isDisabled()) {
    return { supported: false, reason: 'TOA_DISABLE=1 is set', hint: 'unset TOA_DISABLE' };
  }
  const runtime = otherRuntime();
  if (runtime) {
    return {
      supported: false,
      reason: `${runtime} does not let a program see the sockets of its servers`,
      hint: 'run the server with Node.js',
    };
  }
  const addon = nativeSupport();
  return addon.supported ? { supported: true, sources: ['module', 'saved-syn'] } : addon;
}

/** The addon, where the receiver may use it. */
export function receiverNative(): NativeAddon | undefined {
  return isDisabled() || otherRuntime() ? undefined : native();
}

/** The operator's switch: with `TOA_DISABLE=1` in the environment toakit does nothing, whatever the program asks for. */
export function isDisabled(): boolean {
  return process.env.TOA_DISABLE === '1';
}

function otherRuntime(): string | undefined {
  if ('bun' in process.versions) return 'Bun';
  if ('deno' in process.versions) return 'Deno';
  return undefined;
}
