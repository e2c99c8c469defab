/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trust.h - whose options are believed.
 */
#ifndef _TOA_TRUST_H
#define _TOA_TRUST_H

#include <linux/types.h>

struct in6_addr;
struct toa_net;
struct toa_trust;

#define TOA_TRUST_RULES	256
#define TOA_TRUST_TEXT	16384

struct toa_trust *toa_trust_parse(const char *text, size_t length);
void toa_trust_free(struct toa_trust *trust);
const char *toa_trust_text(const struct toa_trust *trust);
bool toa_trust_includes(const struct toa_net *tn, const struct in6_addr *peer);

#endif /* _TOA_TRUST_H */
