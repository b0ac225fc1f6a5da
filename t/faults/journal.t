#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The checker that t/faults/galera and t/faults/run trust finds each kind of wrong, and finds none where there is none.

use strict;
use warnings;
use BATest::Journal;
use Test::More;

my $clock;
sub entry { my ($kind, $outcome, %more) = @_; $clock += 1; return { id => "e$clock", kind => $kind, node => 1, start => $clock, end => $clock + 0.5, outcome => $outcome, %more } }

# A day without trouble: two people, of whom one leaves; each line can be spoilt below.
sub story {
    $clock = 0;
    my %e = (
        ann      => entry('sign-up', 'ok', email => 'ann@a.example', user => 'A', token => 'a1', status => 200),
        bob      => entry('sign-up', 'ok', email => 'bob@a.example', user => 'B', token => 'b1', status => 200),
        again    => entry('sign-up', 'refused', email => 'ann@a.example', status => 422),
        lost     => entry('sign-up', 'unknown', email => 'eve@a.example', status => 503),
        sign_in  => entry('sign-in', 'ok', email => 'ann@a.example', sure => 1, token => 'a2', status => 200),
        probe    => entry('probe', 'ok', token => 'a2', alive => 1, status => 200),
        sign_out => entry('sign-out', 'ok', token => 'a2', status => 200),
        over     => entry('probe', 'ok', token => 'a2', alive => 0, status => 200),
        page     => entry('page', 'ok', token => 'b1', alive => 1, status => 200),
        stranger => entry('stranger', 'refused', bytes => 0, status => 401),
        verify   => entry('verify', 'ok', user => 'A', status => 302),
        reset    => entry('reset', 'ok', user => 'A', secret => 's1', password => 'p', status => 200),
        reset_2  => entry('reset', 'refused', user => 'A', secret => 's1', password => 'q', status => 400),
        fault    => { %{ entry('fault', 'done') }, what => 'kill 2', proof => 'gone' },
        revoke   => entry('revoke', 'unknown', user => 'A', tokens => ['a1'], status => 503),
        deleted  => entry('delete', 'ok', user => 'B', secret => 's2', tokens => ['b1'], status => 200),
        refused  => entry('sign-in', 'refused', email => 'bob@a.example', status => 401),
    );
    my %left = map { $_ => { users => [{ id => 'A', email => 'ann@a.example', verified => 1 }], accounts => [{ user => 'A' }],
        sessions => [{ token => 'a1', user => 'A' }] } } 1 .. 3;
    return (\%e, \%left);
}

sub problems {
    my ($e, $left, %o) = @_;
    my $said = BATest::Journal::check([sort { $a->{start} <=> $b->{start} } values %$e], $left, %o);
    return wantarray ? $said : join ', ', map { $_->[0] } @{ $said->{problems} };
}

my ($e, $left) = story();
my ($said) = problems($e, $left);
is_deeply($said->{problems}, [], 'nothing wrong is found where nothing is');
is_deeply($said->{operations}{'sign-up'}, { ok => 2, refused => 1, unknown => 1 }, 'operations are counted by outcome');

# what is spoilt => what is to be found
my @SPOILT = (
    ['an acknowledged sign-up is gone', 'lost sign-up, lost session', sub { my ($e, $left) = @_;
        $e->{carl} = entry('sign-up', 'ok', email => 'carl@a.example', user => 'C', token => 'c1') }],
    ['one that may have failed is there', '', sub { my ($e, $left) = @_;
        push @{ $_->{users} }, { id => 'E', email => 'eve@a.example', verified => 0 } for values %$left; push @{ $_->{accounts} }, { user => 'E' } for values %$left }],
    ['half of it is there', 'not whole', sub { my ($e, $left) = @_; push @{ $_->{users} }, { id => 'E', email => 'eve@a.example', verified => 0 } for values %$left }],
    ['an account without its user', 'not whole', sub { my ($e, $left) = @_; push @{ $_->{accounts} }, { user => 'E' } for values %$left }],
    ['an account twice', 'not whole', sub { my ($e, $left) = @_; push @{ $_->{accounts} }, { user => 'A' } for values %$left }],
    ['a session without its user', 'not whole', sub { my ($e, $left) = @_; push @{ $_->{sessions} }, { token => 'x', user => 'X' } for values %$left }],
    ['an address twice', 'address twice', sub { my ($e, $left) = @_;
        push @{ $_->{users} }, { id => 'A2', email => 'Ann@a.example', verified => 0 } for values %$left; push @{ $_->{accounts} }, { user => 'A2' } for values %$left }],
    ['an address acknowledged twice', 'lost sign-up, address twice', sub { my ($e, $left) = @_; @{ $e->{again} }{qw(outcome user)} = ('ok', 'A3') }],
    ['a deleted user is there', 'lost deletion', sub { my ($e, $left) = @_;
        push @{ $_->{users} }, { id => 'B', email => 'bob@a.example', verified => 0 } for values %$left; push @{ $_->{accounts} }, { user => 'B' } for values %$left }],
    ['a session is gone that nobody ended', 'lost session', sub { my ($e, $left) = @_; delete $e->{revoke}; $_->{sessions} = [] for values %$left }],
    ['one that somebody may have ended', '', sub { my ($e, $left) = @_; $_->{sessions} = [] for values %$left }],
    ['an ended session is there', 'lost revocation', sub { my ($e, $left) = @_; push @{ $_->{sessions} }, { token => 'a2', user => 'A' } for values %$left }],
    ['an ended session was alive', 'revoked session alive', sub { my ($e, $left) = @_; $e->{over}{alive} = 1 }],
    ['it was alive when it may have been', '', sub { my ($e, $left) = @_; $e->{over}{alive} = 1; $e->{sign_out}{outcome} = 'unknown' }],
    ['or while it ended', '', sub { my ($e, $left) = @_; $e->{over}{alive} = 1; $e->{over}{start} = $e->{sign_out}{end} - 0.1 }],
    ['a session was not known', 'session not seen', sub { my ($e, $left) = @_; $e->{probe}{alive} = 0 }],
    ['nor was it said', '', sub { my ($e, $left) = @_; delete $e->{probe}{alive} }],
    ['a token was used twice', 'token used twice', sub { my ($e, $left) = @_; $e->{reset_2}{outcome} = 'ok' }],
    ['or may have been', '', sub { my ($e, $left) = @_; $e->{reset_2}{outcome} = 'unknown' }],
    ['the right password was refused', 'sign-in refused', sub { my ($e, $left) = @_; delete $e->{sign_in}{token}; $e->{sign_in}{outcome} = 'refused'; delete @$e{qw(probe sign_out over)} }],
    ['a verification is gone', 'lost verification', sub { my ($e, $left) = @_; $_->{users}[0]{verified} = 0 for values %$left }],
    ['nodes differ', 'nodes differ', sub { my ($e, $left) = @_; $left->{3}{sessions} = [] }],
    ['an answer of 500', 'odd answer', sub { my ($e, $left) = @_; $e->{lost}{status} = 500 }],
    ['an ended session was shown the page', 'revoked session alive', sub { my ($e, $left) = @_; $e->{peep} = entry('page', 'ok', token => 'b1', alive => 1, status => 200) }],
    ['a session was kept out', 'session not seen', sub { my ($e, $left) = @_; $e->{page}{alive} = 0 }],
    ['a stranger was shown the page', 'protected byte', sub { my ($e, $left) = @_; $e->{stranger}{bytes} = 1 }],
    ['even with another status', 'protected byte', sub { my ($e, $left) = @_; $e->{stranger} = entry('stranger', 'unknown', bytes => 1, status => 503) }],
    ['it took too long to be well again', 'not well again', sub { my ($e, $left) = @_; @{ $e->{fault} }{qw(within recovered)} = (5, 6) }],
    ['it never was', 'not well again', sub { my ($e, $left) = @_; $e->{fault}{within} = 5 }],
    ['it was in time', '', sub { my ($e, $left) = @_; @{ $e->{fault} }{qw(within recovered)} = (5, 4) }],
    ['a fault that nobody saw', 'fault not proven', sub { my ($e, $left) = @_; $e->{fault}{proof} = '' }],
);
for my $row (@SPOILT) {
    my ($name, $expected, $spoil) = @$row;
    my @story = story();
    $spoil->(@story);
    is(problems(@story), $expected, $name);
}

# Mails: one promised, one that may have been; each delivered as often as it likes.
my @MAILS = (
    [[qw(ann:1)], '', 'each'],
    [[qw(ann:1 ann:1 eve:2)], '', 'one comes twice, and one that may be'],
    [[], 'lost mail', 'none'],
    [[qw(eve:2)], 'lost mail', 'another one'],
    [[qw(ann:1 ann:2)], 'mail that nobody asked for', 'one too many'],
    [[qw(ann:1 eve:2 eve:3)], 'mail that nobody asked for', 'and here'],
    [[qw(ann:1 dan:2)], 'mail that nobody asked for', 'to somebody else'],
);
for my $row (@MAILS) {
    my ($mails, $expected, $name) = @$row;
    my ($e, $left) = story();
    $e->{$_}{mail} = 'verify' for qw(ann again lost);
    is(scalar problems($e, $left, mails => [map { { to => (split /:/)[0] . '@a.example', id => (split /:/)[1] } } @$mails]), $expected, "mails: $name");
}

my @LINES = (
    ['[x] [betterauth:info] [pid 1] BA0401: somebody', '', 'info'],
    ['[x] [betterauth:error] [pid 1] BA0105: the database is down', '', 'what was expected'],
    ['[x] [dbd:error] [pid 1] (20014)Internal error: AH00632: failed', 'unexpected line', 'what was not'],
    ['[x] [core:error] [pid 1] words without a tag', '', 'words that were'],
    ['[x] [core:error] [pid 1] other words, and BA010', 'unexpected line', 'others'],
    ['[x] [core:notice] [pid 1] AH00052: child pid 7 exit signal Segmentation fault (11)', 'crash', 'a child crashed'],
    ['[x] [core:notice] [pid 1] AH00051: child pid 7 exit signal Aborted (6), possible coredump in /x', 'crash', 'or gave up'],
    ['[x] [core:notice] [pid 1] AH00052: child pid 7 exit signal Killed (9)', '', 'it was killed'],
    ['[x] [betterauth:trace4] [pid 1] Cookie: better-auth.session_token=abc', 'secret in the log', 'a cookie'],
    ['[x] [betterauth:trace4] [pid 1] correct horse battery', 'secret in the log', 'a password'],
    ['[x] [betterauth:trace4] [pid 1] $argon2id$v=19$', 'secret in the log', 'a hash'],
);
for my $row (@LINES) {
    my ($line, $expected, $name) = @$row;
    my ($e, $left) = story();
    is(scalar problems($e, $left, log => [$line], expected => ['BA0105', 'words without']), $expected, "log: $name");
}

($e, $left) = story();
$e->{lost}{status} = 500;
is(scalar problems($e, $left, answers => [500]), '', 'an answer of 500 where it is what was meant');

# what Galera itself may lose when all nodes fall at once
($e, $left) = story();
$e->{carl} = entry('sign-up', 'ok', email => 'carl@a.example', user => 'C', token => 'c1');
($said) = problems($e, $left, forgive => [$clock, $clock + 1]);
is_deeply([map { $_->[0] } @{ $said->{problems} }], [], 'a loss in the time that is forgiven');
is_deeply([map { $_->[0] } @{ $said->{forgiven} }], ['lost sign-up', 'lost session'], 'is told apart');
is(scalar problems($e, $left, forgive => [$clock + 1, $clock + 2]), 'lost sign-up, lost session', 'one before is not forgiven');

done_testing;
