#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Every directive stands in conf/betterauth.conf once, with its default; and none that does not exist.

use strict;
use warnings;
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";

sub slurp { my ($file) = @_; open my $in, '<', $file or die "$file: $!\n"; local $/; return scalar <$in> }

# A default that the code writes shorter than the reference does; the right side stands in the code too.
my %scope_of = (SERVER => 'RSRC_CONF', DIR => 'OR_AUTHCFG');
my %SPELT_OUT = ('argon2id' => ['argon2id m=19456 t=2 p=1', '{BA_HASH_ARGON2ID, 19456, 2, 1}']);

my $code = slurp("$SRC/modules/config/ba_directives.c");
my (%row, @order);
while ($code =~ /\b(SERVER|DIR)_ROW\(\s*"(\w+)"\s*,\s*(\w+)\s*,\s*(\w+)\s*,\s*(NULL|"[^"]*")/g) {
    my ($scope, $name, $kind, $member, $default) = ($1, $2, $3, $4, $5);
    ok(!$row{$name}, "$name is one row");
    like($name, qr/^BetterAuth[A-Z]\w+$/, "$name has our prefix");
    $row{$name} = { scope => $scope, default => $default eq 'NULL' ? undef : substr($default, 1, -1) };
}
is(scalar keys %row, scalar(() = $code =~ /\b(?:SERVER|DIR)_ROW\(\s*"/g), 'every row has been understood');
cmp_ok(scalar keys %row, '>=', 20, scalar(keys %row) . ' rows seen');

# What .htaccess may say is how its own directory is guarded; all else is the server's (docs/requirements.md, TR-3).
is(join(' ', sort grep { $row{$_}{scope} eq 'DIR' } keys %row), 'BetterAuthExport BetterAuthForwardCookies BetterAuthRemoteUser BetterAuthUnauthenticated', 'what .htaccess may say');
like($code, qr/#define ${_}_ROW\((?:.*\\\n)+.*\b$scope_of{$_}\b/, "$_ rows are of $scope_of{$_}") for sort keys %scope_of;

# conf: one # and no blank is a directive, switched off.
my ($section, $comment, %conf) = ('', '');
for (split /\n/, slurp("$SRC/conf/betterauth.conf")) {
    $section = $1 if /^\s*<(\w+)/;
    $section = '' if m{^\s*</};
    if (/^\s*#?(BetterAuth\w+)(?:\s+(.*))?$/) {
        ok(!$conf{$1}, "$1 stands in the reference once");
        $conf{$1} = { value => $2 // '', section => $section, comment => $comment };
    }
    elsif (/^\s*#\s(.*)/) { $comment .= " $1" }
    elsif (!/\S/) { $comment = '' }
}

for my $name (sort keys %row) {
    my $there = $conf{$name} or fail("$name is not in conf/betterauth.conf"), next;
    my $default = $row{$name}{default};
    if (defined $default) {
        if (my $long = $SPELT_OUT{$default}) {
            my $all = join '', map { slurp($_) } glob "$SRC/modules/config/*.c";
            ok(index($all, $long->[1]) >= 0, "$name: the code spells out $default");
            $default = $long->[0];
        }
        is($there->{value}, $default, "$name: the reference shows the default");
    }
    else {
        like($there->{comment}, qr/\bdefault\b/i, "$name has no value of its own: the reference says what happens");
        ok(length $there->{value}, "$name: the reference shows an example");
    }
    is($there->{section}, $row{$name}{scope} eq 'DIR' ? 'Directory' : '', "$name stands where it may be written");
    like($there->{comment}, qr/\w{3}.*\w{3}/, "$name has a sentence");
}
is(join(' ', grep { !$row{$_} } sort keys %conf), '', 'the reference names directives that exist');

# Words in the documents that look like directives are directives.
for my $file (glob "$SRC/README.md $SRC/docs/*.md $SRC/examples/*/*.in $SRC/setup $SRC/t/lib/BATest/*.pm") {
    my %unknown;
    my $text = slurp($file);
    while ($text =~ /\b(BetterAuth[A-Z]\w+)/g) { $unknown{$1}++ unless $row{$1} }
    is(join(' ', sort keys %unknown), '', substr($file, length "$SRC/") . ' names directives that exist');
}

done_testing;
