// SPDX-License-Identifier: GPL-2.0-only
/*
 * hook.c - places hooks and takes them away.
 */
#include "hook.h"

#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/string.h>

/* ftrace_free_filter() is not exported everywhere; a reset frees as well. */
static void free_filter(struct toa_hook *hook)
{
	ftrace_set_filter(&hook->ops, NULL, 0, 1);
}

static int choose(struct toa_hook *hook)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(hook->functions) && hook->functions[i][0]; i++) {
		err = ftrace_set_filter(&hook->ops, (unsigned char *)hook->functions[i],
					strlen(hook->functions[i]), 0);
		if (err) {
			pr_err("toa: %s: this kernel cannot hook it (%d)\n",
			       hook->functions[i], err);
			return err;
		}
	}
	return 0;
}

/* With an error nothing is left behind. */
int toa_hook_place(struct toa_hook *hook)
{
	int err = choose(hook);

	if (!err) {
		err = register_ftrace_function(&hook->ops);
		if (err)
			pr_err("toa: %s%s%s: cannot be hooked (%d); a live patch, another toa module, or sysctl kernel.ftrace_enabled=0?\n",
			       hook->functions[0], hook->functions[1][0] ? " or " : "",
			       hook->functions[1], err);
	}
	if (err)
		free_filter(hook);
	return err;
}

/* When it returns, the callback runs nowhere, and will not any more. */
void toa_hook_remove(struct toa_hook *hook)
{
	unregister_ftrace_function(&hook->ops);
	free_filter(hook);
}
