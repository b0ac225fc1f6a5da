#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The same requests to npm better-auth and to httpd. BA_SITES=npm compares npm with itself, which must show no difference;
# BA_PARITY=PATTERN compares only the requests of that name.
use strict;
use warnings;
use BATest;

BATest::state();    # skips where there are no servers
expect_log('BA0605', 'AH10244', 'BA0504');    # hashes that cannot be read, a path that cannot be decoded, sites of https asked by http
system BATest::state()->{node}, "$ENV{BA_SRCDIR}/t/parity/parity.mjs", $ENV{BA_TEST_STATE}, $ENV{BA_SITES} ? 'self' : $ENV{BA_PARITY} || ();
exit($? >> 8 || ($? ? 1 : 0));
