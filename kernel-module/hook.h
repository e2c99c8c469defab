/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hook.h - a callback at the entry of a kernel function, by ftrace.
 */
#ifndef _TOA_HOOK_H
#define _TOA_HOOK_H

#include <linux/ftrace.h>

struct toa_hook {
	char			function[32];	/* ftrace wants it writable */
	struct ftrace_ops	ops;
};

/*
 * PERMANENT: sysctl kernel.ftrace_enabled=0 is refused while we are loaded,
 * instead of switching the hooks off in silence.
 */
#define TOA_HOOK(_function, _callback, _flags) {		\
	.function = _function,					\
	.ops = {						\
		.func = _callback,				\
		.flags = TOA_FTRACE_FLAGS | (_flags) |		\
			 FTRACE_OPS_FL_PERMANENT,		\
	},							\
}

int toa_hooks_place(struct toa_hook *hooks, unsigned int count);
void toa_hooks_remove(struct toa_hook *hooks, unsigned int count);

#endif /* _TOA_HOOK_H */
