/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _TOA_CAPTURE_H
#define _TOA_CAPTURE_H

int toa_capture_init(void);
void toa_capture_exit(void);

#endif /* _TOA_CAPTURE_H */
