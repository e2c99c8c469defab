// SPDX-License-Identifier: GPL-2.0-only
/*
 * toa - gives programs the address of the client behind a FULLNAT balancer.
 *
 * The order matters: what is looked up exists before the hooks that look it
 * up, entries can end before one can begin, and the other way round at the end.
 */
#include "capture.h"
#include "getname.h"
#include "lifetime.h"
#include "netns.h"
#include "settings.h"
#include "sockopt.h"
#include "store.h"

#include <linux/module.h>

static int __init toa_init(void)
{
	int err;

	err = toa_store_init();
	if (err)
		return err;
	err = toa_netns_init();
	if (err)
		goto exit_store;
	err = toa_sockopt_init();
	if (err)
		goto exit_netns;
	err = toa_lifetime_init();
	if (err)
		goto exit_sockopt;
	err = toa_getname_init();
	if (err)
		goto exit_lifetime;
	err = toa_capture_init();
	if (err)
		goto exit_getname;
	toa_settings_start();
	return 0;

exit_getname:
	toa_getname_exit();
exit_lifetime:
	toa_lifetime_exit();
exit_sockopt:
	toa_sockopt_exit();
exit_netns:
	toa_netns_exit();
exit_store:
	toa_store_exit();
	return err;
}

static void __exit toa_exit(void)
{
	toa_settings_stop();
	toa_capture_exit();
	toa_getname_exit();
	toa_lifetime_exit();
	toa_sockopt_exit();
	toa_netns_exit();
	toa_store_exit();
}

module_init(toa_init);
module_exit(toa_exit);

MODULE_DESCRIPTION("TCP Option Address: the client behind a FULLNAT balancer");
MODULE_LICENSE("GPL");
MODULE_VERSION(TOA_VERSION);
