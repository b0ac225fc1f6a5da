#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Bash completion knows what betterauthctl itself knows: its commands at each level, and which options take a value.
use strict;
use warnings;
use BATest -own;
use BATest::Ctl;

my $help = BATest::Ctl::run(undef, '--help')->{out};
my ($commands, $options) = $help =~ /commands:\n(.*)\n\noptions:\n(.*)\n\n/s or BAIL_OUT('--help has another form');

my %second;    # those of each first word
for (split /\n/, $commands) {
    my ($one, $two) = substr($_, 2, 31) =~ /^([a-z-]+)(?: ([a-z-]+))?/ or BAIL_OUT("no command: $_");
    push @{ $second{$one} }, $two // ();
}
my @first = sort keys %second;
cmp_ok(scalar @first, '>', 8, scalar(@first) . ' first words');

# An option alone: it asks for its value, or else for a command.
my (@valued, @flags);
for (split /\n/, $options) {
    my ($letter, $name) = /^  (?:-(\w)|  ) --([a-z-]+)/ or BAIL_OUT("no option: $_");
    for my $option ($letter ? "-$letter" : (), "--$name") {
        my $did = BATest::Ctl::run(undef, $option);
        push @{ $did->{err} =~ /missing argument/ ? \@valued : \@flags }, $option;
        is($did->{status}, $name =~ /^(?:help|version)$/ ? 0 : 2, "$option alone");
    }
}
cmp_ok(scalar @valued, '>', 12, scalar(@valued) . ' options take a value');
cmp_ok(scalar @flags, '>', 8, scalar(@flags) . ' take none');

# [name, words as bash takes the line apart, what is offered]
my @rows;
push @rows, ['first words', [''], \@first];
for my $one (@first) {
    push @rows, ["$one", [substr $one, 0, -1], [grep { index($_, substr $one, 0, -1) == 0 } @first]];
    push @rows, ["after $one", [$one, ''], $second{$one}];
    push @rows, map { ["$one $_", [$one, $_], [$_]] } grep { my $two = $_; !grep { $_ ne $two && index($_, $two) == 0 } @{ $second{$one} } } @{ $second{$one} };
    push @rows, map { ["no more after $one $_", [$one, $_, ''], []] } grep { !/^(?:htpasswd|csv)$/ } @{ $second{$one} };
}
for my $flag (@flags) {
    push @rows, ["after $flag", [$flag, ''], \@first], ["user after $flag", ['user', $flag, ''], $second{user}];
}
for my $option (grep { $_ ne '--owner' } @valued) {
    push @rows, ["no command after $option", [$option, 'user'], []], ["nor as its value behind a command", ['user', $option, 'ban'], []];
    push @rows, ["past the value of $option", [$option, 'init', ''], \@first], ["and of one behind a command", ['user', $option, 'x', ''], $second{user}];
    push @rows, ["$option=", [$option, '=', 'user'], []], ["past the value of $option=", [$option, '=', 'x', 'sess'], ['session']] if $option =~ /^--/;
}
push @rows, ['past a value with a colon', ['--database', 'sqlite3', ':', '/tmp/x.db', 'user', 'set'], ['set-password']];
push @rows, ['and with = before it', ['--database', '=', 'sqlite3', ':', '/tmp/x.db', 'user', 'set'], ['set-password']];
push @rows, map { my $typed = $_; [$typed, [$typed], [grep { index($_, $typed) == 0 } @valued, @flags]] } qw(--js --d --dr --no- --us);
push @rows, ['all options', ['-'], [grep { /^--/ } @valued, @flags]], ['options behind a command', ['user', 'add', '--verif'], ['--verified']];

# in /
push @rows, map { ["a file: @$_", [@$_, 'us'], ['usr']] } ['-f'], ['--config'], ['--secret-file'], [qw(import htpasswd)], [qw(import csv)], [qw(import --domain x csv)];
push @rows, ['a file behind =', ['--config', '=', '/us'], ['/usr']], ['a file behind a colon', [qw(import better-auth sqlite3 : /us)], ['/usr']];
push @rows, ['a user', ['--owner', 'www-d'], ['www-data']], ['and nothing else', ['--owner', 'migr'], []];

my @said = BATest::Ctl::completions(map { $_->[1] } @rows);
is_deeply([sort @{ $said[$_] }], [sort @{ $rows[$_][2] }], "$rows[$_][0]: @{ $rows[$_][1] }") for 0 .. $#rows;

done_testing;
