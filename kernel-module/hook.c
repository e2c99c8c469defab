// SPDX-License-Identifier: GPL-2.0-only
/*
 * hook.c - places hooks and takes them away.
 */
#include "hook.h"

#include <linux/printk.h>
#include <linux/string.h>

/* ftrace_free_filter() is not exported everywhere; a reset frees as well. */
static void free_filter(struct toa_hook *hook)
{
	ftrace_set_filter(&hook->ops, NULL, 0, 1);
}

static int place(struct toa_hook *hook)
{
	int err;

	err = ftrace_set_filter(&hook->ops, (unsigned char *)hook->function,
				strlen(hook->function), 0);
	if (err) {
		pr_err("toa: %s: this kernel cannot hook it (%d)\n",
		       hook->function, err);
		return err;
	}
	err = register_ftrace_function(&hook->ops);
	if (err) {
		free_filter(hook);
		pr_err("toa: %s: cannot be hooked (%d); a live patch, a kprobe, or sysctl kernel.ftrace_enabled=0?\n",
		       hook->function, err);
	}
	return err;
}

/* When it returns, the callback runs nowhere, and will not any more. */
static void take_away(struct toa_hook *hook)
{
	unregister_ftrace_function(&hook->ops);
	free_filter(hook);
}

/* All of them or, with an error, none. */
int toa_hooks_place(struct toa_hook *hooks, unsigned int count)
{
	unsigned int placed;
	int err;

	for (placed = 0; placed < count; placed++) {
		err = place(&hooks[placed]);
		if (err) {
			toa_hooks_remove(hooks, placed);
			return err;
		}
	}
	return 0;
}

void toa_hooks_remove(struct toa_hook *hooks, unsigned int count)
{
	while (count--)
		take_away(&hooks[count]);
}
