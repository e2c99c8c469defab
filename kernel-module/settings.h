/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _TOA_SETTINGS_H
#define _TOA_SETTINGS_H

struct net;

int toa_settings_create(struct net *net);
void toa_settings_destroy(struct net *net);
void toa_settings_start(void);
void toa_settings_stop(void);

#endif /* _TOA_SETTINGS_H */
