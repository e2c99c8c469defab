/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _TOA_GETNAME_H
#define _TOA_GETNAME_H

int toa_getname_init(void);
void toa_getname_exit(void);

#endif /* _TOA_GETNAME_H */
