#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Who is signed in, for any program that httpd runs through mod_cgid:
#
#     ScriptAlias "/members/me" "/srv/www/bin/me.sh"
#     <Location "/members">
#         AuthType Session
#         AuthName "Members"
#         Require valid-user
#     </Location>
#
# Values are UTF-8, as people typed them: quote them wherever they go.

printf 'Content-Type: text/plain; charset=utf-8\n\n'
printf 'REMOTE_USER %s\nid %s\nemail %s\nname %s\nverified %s\n' \
    "$REMOTE_USER" "$BETTERAUTH_USER_ID" "$BETTERAUTH_EMAIL" "$BETTERAUTH_NAME" "$BETTERAUTH_EMAIL_VERIFIED"
