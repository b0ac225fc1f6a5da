#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# For client.mjs: what a site has mailed to an address, as JSON.
#   mails.pl SITE ADDRESS
use strict;
use warnings;
use BATest;

my ($site, $address) = @ARGV;
print JSON::PP->new->utf8->encode([mails($site, $address)]);
