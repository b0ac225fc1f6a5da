#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
# Prints its environment as JSON: what a program behind the guard is told.
use JSON::PP;
1 while read STDIN, my $body, 65536;    # an unread body would reset the socket
print "Content-Type: application/json\n\n", JSON::PP->new->latin1->canonical->encode({%ENV}), "\n";
