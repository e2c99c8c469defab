/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * toa.h - what programs ask the TOA receiver in the kernel, by getsockopt().
 *
 * All options are read with level IPPROTO_IP (0) on an accepted TCP socket,
 * also on AF_INET6 sockets. ENOPROTOOPT: no receiver is loaded.
 * Fields marked __be are in network byte order, all others in the host's.
 */
#ifndef _UAPI_TOA_H
#define _UAPI_TOA_H

#include <linux/types.h>

/*
 * TOA_SO_GET_RECORD: everything that is known about a connection.
 *
 * The caller passes the length of its buffer, at least 8 bytes; the kernel
 * writes min(length, its own size) bytes and returns that as the length.
 * `size` is what it would have liked to write, so that a program and a kernel
 * of different ages understand each other. Reserved and padding bytes are 0.
 *
 * ESRCH:    no option came with this connection; its peer is the client
 * EINVAL:   a length below 8
 * ENOTCONN: not connected
 */
#define TOA_SO_GET_RECORD	4100

#define TOA_RECORD_VERSION	1

/* toa_record.flags: the segment that the option was on, and what it said */
#define TOA_FOUND_ON_SYN	0x0001
#define TOA_FOUND_ON_ACK	0x0002	/* the ACK that ends the handshake */
#define TOA_FOUND_ON_DATA	0x0004	/* the first data */
#define TOA_HAS_VIP		0x0008
#define TOA_NAT64		0x0010	/* IPv6 client, IPv4 socket */

struct toa_endpoint {
	__u16	family;		/*  0: AF_INET, AF_INET6, 0 if not known */
	__be16	port;		/*  2: 0 if the option carries none */
	__u8	address[16];	/*  4: IPv4 in the first four bytes */
};

struct toa_record {
	__u16	size;		/*  0: bytes of this structure in the kernel */
	__u16	version;	/*  2: TOA_RECORD_VERSION */
	__u16	flags;		/*  4 */
	__u8	kind;		/*  6: of the TCP option */
	__u8	length;		/*  7: of the TCP option, kind and length included */
	struct toa_endpoint client;	/*  8 */
	struct toa_endpoint vip;	/* 28: what the client had called */
	struct toa_endpoint peer;	/* 48: the balancer */
	__u32	vpc_id;		/* 68: 0 if none */
};

/*
 * The options below are those of earlier receivers, kept to the letter.
 */

/*
 * TOA_SO_GET_LOOKUP: the IPv6 client of an IPv4 socket (NAT64), for which
 * getpeername() has no room. Length at least 20; 20 is returned.
 * EINVAL: wrong length, or no option; EFAULT: an option, but not NAT64;
 * ENOTCONN: not connected.
 */
#define TOA_SO_GET_LOOKUP	4096

struct toa_nat64_peer {
	__be32	saddr[4];	/*  0: IPv6 address */
	__be16	port;		/* 16 */
	__u16	reserved;	/* 18: 0 */
};

/*
 * TOA_VIP_SO_GET_LOOKUP: the virtual service that the client had called.
 * Length at least 24; 24 is returned. EINVAL: wrong length, or not known;
 * ENOTCONN: not connected.
 */
#define TOA_VIP_SO_GET_LOOKUP	4097

struct toa_vip_data {
	__s32	family;		/*  0: AF_INET or AF_INET6 */
	union {
		__be32	in;
		__be32	in6[4];
	} ip;			/*  4 */
	__be16	port;		/* 20 */
	__u16	reserved;	/* 22: 0 */
};

/*
 * VTOA_SO_GET_VS: virtual network and service. Length at least 12; 12 is
 * returned. EINVAL: wrong length; ESRCH: none.
 */
#define VTOA_SO_GET_VS		1345

struct vtoa_vs {
	__u32	vid;		/*  0: virtual network (VPC) */
	__be32	vaddr;		/*  4 */
	__be16	vport;		/*  8 */
	__u16	reserved;	/* 10: 0 */
};

/*
 * VTOA_SO_GET_VS4RDS: the same, behind the addresses that getpeername() and
 * getsockname() gave for this socket; those are not looked at. Exactly 32
 * bytes, of which only toa_vs is written. EINVAL: wrong length; ESRCH: none.
 */
#define VTOA_SO_GET_VS4RDS	1346

struct vtoa_get_vs4rds {
	__u16	protocol;	/*  0 */
	__u16	reserved0;
	__be32	caddr;		/*  4: client */
	__be16	cport;		/*  8 */
	__u16	reserved1;
	__be32	daddr;		/* 12: destination */
	__be16	dport;		/* 16 */
	__u16	reserved2;
	struct vtoa_vs toa_vs;	/* 20 */
};

/*
 * HYBRID_VTOA_SO_GET_VS: virtual network and service of either family; also
 * with level IPPROTO_IPV6 (41). Length at least 24; 24 is returned.
 * EINVAL: wrong length; ESRCH: none.
 */
#define HYBRID_VTOA_SO_GET_VS	1347

#define HYBRID_VTOA_VID_UNKNOWN	0xffffff

struct hybrid_vtoa_vs {
	__u32	vid;		/*  0: HYBRID_VTOA_VID_UNKNOWN if not known */
	union {
		__be32	in;
		__be32	in6[4];
	} vaddr;		/*  4 */
	__u16	af;		/* 20 */
	__be16	vport;		/* 22 */
};

#endif /* _UAPI_TOA_H */
