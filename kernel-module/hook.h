/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hook.h - a callback at the entry of kernel functions, by ftrace.
 */
#ifndef _TOA_HOOK_H
#define _TOA_HOOK_H

#include <linux/ftrace.h>

/* Two functions to a hook where it can be: to take one away takes long. */
struct toa_hook {
	char			functions[2][32];	/* ftrace wants them writable */
	struct ftrace_ops	ops;
};

/*
 * PERMANENT: sysctl kernel.ftrace_enabled=0 is refused while we are loaded,
 * instead of switching the hooks off in silence.
 */
#define TOA_HOOK(_callback, _flags, ...) {			\
	.functions = { __VA_ARGS__ },				\
	.ops = {						\
		.func = _callback,				\
		.flags = TOA_FTRACE_FLAGS | (_flags) |		\
			 FTRACE_OPS_FL_PERMANENT,		\
	},							\
}

int toa_hook_place(struct toa_hook *hook);
void toa_hook_remove(struct toa_hook *hook);

#endif /* _TOA_HOOK_H */
