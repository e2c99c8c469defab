/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _TOA_SOCKOPT_H
#define _TOA_SOCKOPT_H

int toa_sockopt_init(void);
void toa_sockopt_exit(void);

#endif /* _TOA_SOCKOPT_H */
