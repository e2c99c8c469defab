/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _TOA_LIFETIME_H
#define _TOA_LIFETIME_H

int toa_lifetime_init(void);
void toa_lifetime_exit(void);

#endif /* _TOA_LIFETIME_H */
