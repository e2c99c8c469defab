/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - what differs between kernels; included before every file.
 *
 * The only place with conditions on the kernel. They are on what the headers
 * say (Kbuild looks into them), not on the version: stable and distribution
 * kernels carry changes of newer ones.
 */
#ifndef _TOA_COMPAT_H
#define _TOA_COMPAT_H

#include <linux/ftrace.h>
#include <linux/ptrace.h>
#include <linux/sysctl.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>

#ifdef CONFIG_PREEMPT_RT
#error "toa allocates memory where PREEMPT_RT does not allow it"
#endif
#if !IS_ENABLED(CONFIG_IPV6)
#error "toa needs CONFIG_IPV6: addresses are kept as IPv6, also IPv4 ones"
#endif
#if !defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS) && !defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
#error "toa needs ftrace with registers or arguments"
#endif

/*
 * The registers that a function was entered with. From 6.2 on the arguments
 * can be read by themselves; x86 has saved them for every callback since 5.11;
 * elsewhere all registers must be asked for. Up to 5.10 a callback says that it
 * may be entered again, later that it may not; ours calls no hooked function.
 */
#ifdef TOA_HAVE_FTRACE_REGS
typedef struct ftrace_regs toa_registers;
#else
typedef struct pt_regs toa_registers;
#endif

#ifdef TOA_HAVE_FTRACE_ARGUMENTS
#define TOA_FTRACE_FLAGS	0

static __always_inline unsigned long
toa_argument(toa_registers *registers, unsigned int index)
{
	return ftrace_regs_get_argument(registers, index);
}

static __always_inline void
toa_continue_at(toa_registers *registers, unsigned long address)
{
	ftrace_regs_set_instruction_pointer(registers, address);
}

#else

#if defined(TOA_HAVE_FTRACE_REGS) && defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
#define TOA_FTRACE_FLAGS	0
#define toa_pt_regs(registers)	(&(registers)->regs)
#elif defined(TOA_HAVE_FTRACE_REGS)
#define TOA_FTRACE_FLAGS	FTRACE_OPS_FL_SAVE_REGS
#define toa_pt_regs(registers)	ftrace_get_regs(registers)
#else
#define TOA_FTRACE_FLAGS	(FTRACE_OPS_FL_SAVE_REGS | \
				 FTRACE_OPS_FL_RECURSION_SAFE)
#define toa_pt_regs(registers)	(registers)
#endif

static __always_inline unsigned long
toa_argument(toa_registers *registers, unsigned int index)
{
	return regs_get_kernel_argument(toa_pt_regs(registers), index);
}

static __always_inline void
toa_continue_at(toa_registers *registers, unsigned long address)
{
	instruction_pointer_set(toa_pt_regs(registers), address);
}
#endif

/* 6.11: handlers of sysctls get a table that they must not change. */
#ifdef TOA_HAVE_CONST_CTL_TABLE
#define TOA_CTL_TABLE	const struct ctl_table
#else
#define TOA_CTL_TABLE	struct ctl_table
#endif

/* 6.6: tables of sysctls come with their length. */
#ifndef TOA_HAVE_SYSCTL_LENGTH
#define register_net_sysctl_sz(net, path, table, length) \
	register_net_sysctl(net, path, table)
#endif

/* 6.1: a namespace may have a table of connections of its own. */
static inline struct inet_hashinfo *toa_hashinfo(struct net *net)
{
#ifdef TOA_HAVE_HASHINFO_OF_NET
	return net->ipv4.tcp_death_row.hashinfo;
#else
	return &tcp_hashinfo;
#endif
}

/* 5.19: listeners are chained by themselves, and no longer by a second node. */
#ifdef inet_lhash2_for_each_icsk_rcu
#define toa_for_each_listener(sk, icsk, node, bucket)			\
	inet_lhash2_for_each_icsk_rcu(icsk, &(bucket)->head)		\
		if (((sk) = (struct sock *)(icsk)) && !(node = NULL))
#else
#define toa_for_each_listener(sk, icsk, node, bucket)			\
	if (!(icsk = NULL))						\
		sk_nulls_for_each_rcu(sk, node, &(bucket)->nulls_head)
#endif

#endif /* _TOA_COMPAT_H */
