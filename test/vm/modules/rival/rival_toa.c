// SPDX-License-Identifier: GPL-2.0-only
/*
 * rival_toa - stands for another module of this kind: it has what toa wants.
 *
 * With option=N a socket option of level IPPROTO_IP, with function=NAME a
 * function of the kernel, which it may send on elsewhere and so has to itself.
 */
#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/netfilter.h>

static int option;
module_param(option, int, 0444);

static char function[64];
module_param_string(function, function, sizeof(function), 0444);

static int get(struct sock *sk, int which, void __user *user, int *length)
{
	return -EADDRINUSE;	/* an answer that toa never gives */
}

static struct nf_sockopt_ops options = {
	.pf = PF_INET, .get = get, .owner = THIS_MODULE,
};

/* The arguments differ between kernels, and are not looked at. */
static void notrace pass_on(void)
{
}

static struct ftrace_ops hook = {
	.func = (ftrace_func_t)(void *)pass_on,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_SAVE_REGS_IF_SUPPORTED,
};

static int place_hook(void)
{
	int err = ftrace_set_filter(&hook, (unsigned char *)function, strlen(function), 0);

	if (!err)
		err = register_ftrace_function(&hook);
	if (err)
		ftrace_set_filter(&hook, NULL, 0, 1);
	return err;
}

static int __init rival_init(void)
{
	if (function[0])
		return place_hook();
	options.get_optmin = option;
	options.get_optmax = option + 1;
	return nf_register_sockopt(&options);
}

static void __exit rival_exit(void)
{
	if (!function[0]) {
		nf_unregister_sockopt(&options);
		return;
	}
	unregister_ftrace_function(&hook);
	ftrace_set_filter(&hook, NULL, 0, 1);
}

module_init(rival_init);
module_exit(rival_exit);

MODULE_DESCRIPTION("Has what toa wants, for tests");
MODULE_LICENSE("GPL");
