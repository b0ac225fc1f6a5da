# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Log;

# Lines of httpd's error log, looked at one by one.

use strict;
use warnings;
use Exporter qw(import);

our @EXPORT_OK = qw(is_crash is_trouble is_announced);

# A child that crashed, which httpd says as a notice; a signal that httpd sends is none.
sub is_crash { return $_[0] =~ /exit signal (?!Killed)|runtime error:|Sanitizer/ }

# Warn or above.
sub is_trouble { return $_[0] =~ /\[\w*:(?:warn|error|crit|alert|emerg)\]/ }

# By tag; by their words those of httpd's lines that have none.
sub is_announced {
    my ($line, @expected) = @_;
    my ($tag) = $line =~ /\b(BA\d{4}|AH\d{5})\b/;
    return scalar grep { /^(?:BA|AH)\d+$/ ? defined $tag && $tag eq $_ : index($line, $_) >= 0 } @expected;
}

1;
