// SPDX-License-Identifier: GPL-2.0-only
/*
 * settings.c - sysctls net.toa.* of each namespace, and the parameters that
 * they begin with.
 */
#include "settings.h"
#include "formats.h"
#include "netns.h"
#include "saved_syn.h"
#include "trust.h"

#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>

static bool enabled = true;
module_param(enabled, bool, 0444);
MODULE_PARM_DESC(enabled, "whether options of new connections are read (1)");

static char *formats = "default";
module_param(formats, charp, 0444);
MODULE_PARM_DESC(formats, "names of formats, default, or all (default)");

static char *trusted = "";
module_param(trusted, charp, 0444);
MODULE_PARM_DESC(trusted, "balancers that are believed: CIDR blocks, addresses or private (nobody)");

static bool syn;
module_param(syn, bool, 0444);
MODULE_PARM_DESC(syn, "whether the SYN is read too (0)");

/* Writers of all namespaces; readers use RCU. */
static DEFINE_MUTEX(mutex);

/* A write is taken whole and from its beginning, or refused. */
static bool is_partial(size_t length, loff_t position, size_t most)
{
	return position != 0 || length > most;
}

static int show_text(const char *text, size_t room, void *buffer, size_t *length,
		     loff_t *position)
{
	struct ctl_table table = { .data = (void *)text, .maxlen = room };

	return proc_dostring(&table, 0, buffer, length, position);
}

static int handle_formats(TOA_CTL_TABLE *table, int write, void *buffer,
			  size_t *length, loff_t *position)
{
	struct toa_net *tn = table->data;
	char text[TOA_FORMATS_TEXT];
	unsigned int set;

	if (!write) {
		toa_formats_print(READ_ONCE(tn->formats), text);
		return show_text(text, sizeof(text), buffer, length, position);
	}
	if (is_partial(*length, *position, PAGE_SIZE) ||
	    toa_formats_parse(buffer, *length, &set))
		return -EINVAL;
	WRITE_ONCE(tn->formats, set);
	*position += *length;
	return 0;
}

static int write_trusted(struct toa_net *tn, const char *text, size_t length)
{
	struct toa_trust *trust = toa_trust_parse(text, length);

	if (IS_ERR(trust))
		return PTR_ERR(trust);
	mutex_lock(&mutex);
	trust = rcu_replace_pointer(tn->trust, trust, lockdep_is_held(&mutex));
	mutex_unlock(&mutex);
	toa_trust_free(trust);
	return 0;
}

static int handle_trusted(TOA_CTL_TABLE *table, int write, void *buffer,
			  size_t *length, loff_t *position)
{
	struct toa_net *tn = table->data;
	int err;

	if (write) {
		if (is_partial(*length, *position, TOA_TRUST_TEXT))
			return -EINVAL;
		err = write_trusted(tn, buffer, *length);
		if (!err)
			*position += *length;
		return err;
	}
	mutex_lock(&mutex);
	err = show_text(toa_trust_text(rcu_dereference_protected(tn->trust,
						lockdep_is_held(&mutex))),
			TOA_TRUST_TEXT + 1, buffer, length, position);
	mutex_unlock(&mutex);
	return err;
}

static int handle_syn(TOA_CTL_TABLE *table, int write, void *buffer,
		      size_t *length, loff_t *position)
{
	struct net *net = table->data;
	struct toa_net *tn = toa_net(net);
	int value = READ_ONCE(tn->syn);
	struct ctl_table shadow = {
		.data = &value, .maxlen = sizeof(value),
		.extra1 = SYSCTL_ZERO, .extra2 = SYSCTL_ONE,
	};
	int err = proc_dointvec_minmax(&shadow, write, buffer, length, position);

	if (err || !write)
		return err;
	mutex_lock(&mutex);
	WRITE_ONCE(tn->syn, value);
	if (value)
		toa_saved_syn_arm_all(net);
	else
		toa_saved_syn_disarm_all(net);
	mutex_unlock(&mutex);
	return 0;
}

static const struct ctl_table template[] = {
	{ .procname = "enabled", .mode = 0644, .maxlen = sizeof(int),
	  .proc_handler = proc_dointvec_minmax,
	  .extra1 = SYSCTL_ZERO, .extra2 = SYSCTL_ONE },
	{ .procname = "formats", .mode = 0644, .proc_handler = handle_formats },
	{ .procname = "syn", .mode = 0644, .proc_handler = handle_syn },
	{ .procname = "trusted", .mode = 0644, .proc_handler = handle_trusted },
};

/* With an empty one behind, which ends it in kernels that do not pass a length. */
static struct ctl_table *make_table(struct net *net, struct toa_net *tn)
{
	struct ctl_table *table = kcalloc(ARRAY_SIZE(template) + 1, sizeof(*table), GFP_KERNEL);

	if (!table)
		return NULL;
	memcpy(table, template, sizeof(template));
	table[0].data = &tn->enabled;
	table[1].data = tn;
	table[2].data = net;
	table[3].data = tn;
	return table;
}

/* The parameters, or later what the first namespace has. */
static int inherit(const struct net *net, struct toa_net *tn)
{
	const struct toa_net *first = toa_net(&init_net);
	struct toa_trust *trust;

	if (net_eq(net, &init_net)) {
		tn->enabled = enabled;
		tn->syn = syn;
		if (toa_formats_parse(formats, strlen(formats), &tn->formats)) {
			pr_err("toa: formats=%s: unknown or colliding names\n", formats);
			return -EINVAL;
		}
		trust = toa_trust_parse(trusted, strlen(trusted));
		if (trust == ERR_PTR(-EINVAL))
			pr_err("toa: trusted=%s: not CIDR blocks, addresses or private\n", trusted);
	} else {
		const char *text;

		mutex_lock(&mutex);
		tn->enabled = first->enabled;
		tn->syn = first->syn;
		tn->formats = first->formats;
		text = toa_trust_text(rcu_dereference_protected(first->trust,
								lockdep_is_held(&mutex)));
		trust = toa_trust_parse(text, strlen(text));
		mutex_unlock(&mutex);
	}
	if (IS_ERR(trust))
		return PTR_ERR(trust);
	RCU_INIT_POINTER(tn->trust, trust);
	return 0;
}

int toa_settings_create(struct net *net)
{
	struct toa_net *tn = toa_net(net);
	struct ctl_table *table;
	int err = inherit(net, tn);

	if (err)
		return err;
	table = make_table(net, tn);
	if (!table)
		goto free_trust;
	tn->sysctls = register_net_sysctl_sz(net, "net/toa", table, ARRAY_SIZE(template));
	if (!tn->sysctls)
		goto free_table;
	return 0;

free_table:
	kfree(table);
free_trust:
	toa_trust_free(rcu_dereference_protected(tn->trust, 1));
	return -ENOMEM;
}

void toa_settings_destroy(struct net *net)
{
	struct toa_net *tn = toa_net(net);
	const struct ctl_table *table = tn->sysctls->ctl_table_arg;

	unregister_net_sysctl_table(tn->sysctls);
	kfree(table);
	toa_trust_free(rcu_replace_pointer(tn->trust, NULL, 1));
}

/* The hooks are in place: listeners that were open before them. */
void toa_settings_start(void)
{
	struct net *net;

	down_read(&net_rwsem);
	mutex_lock(&mutex);
	for_each_net(net)
		if (toa_net(net)->syn)
			toa_saved_syn_arm_all(net);
	mutex_unlock(&mutex);
	up_read(&net_rwsem);
}

void toa_settings_stop(void)
{
	struct net *net;

	down_read(&net_rwsem);
	mutex_lock(&mutex);
	for_each_net(net) {
		WRITE_ONCE(toa_net(net)->syn, 0);
		toa_saved_syn_disarm_all(net);
	}
	mutex_unlock(&mutex);
	up_read(&net_rwsem);
}
